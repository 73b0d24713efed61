package main

import (
	"errors"
	"time"

	"github.com/dapr/durabletask-go/task"
	"github.com/dapr/durabletask-go/workflow"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	event       = "approval" // the event that workflows wait for
	generations = 3
	forever     = -1 * time.Second
	// A text that is not JSON, with any characters of a protobuf string.
	notJSON = "plain text, \x00\x01\x7f \u241b \u2603, <b>not</b> JSON {"
)

var workflows = map[string]workflow.Workflow{
	"retrying":        retrying,
	"parent":          parent,
	"child":           child,
	"sleeping":        sleeping,
	"waiting":         waiting,
	"waiting_at_most": waitingAtMost,
	"plain_text":      plainText,
	"failing":         failing,
	"panicking":       panicking,
	"continuing":      continuing,
}

var retries = &workflow.RetryPolicy{
	MaxAttempts:          4,
	InitialRetryInterval: 200 * time.Millisecond,
	BackoffCoefficient:   2,
	MaxRetryInterval:     time.Second,
}

// retrying runs an activity that fails at first, under a retry policy.
func retrying(ctx *workflow.WorkflowContext) (any, error) {
	var failures int
	err := ctx.CallActivity("flaky", workflow.WithActivityRetryPolicy(retries)).Await(&failures)
	return failures, err
}

// parent runs two children at once.
func parent(ctx *workflow.WorkflowContext) (any, error) {
	ctx.SetCustomStatus("two children")
	one := ctx.CallChildWorkflow("child", workflow.WithChildWorkflowInput(100))
	two := ctx.CallChildWorkflow("child", workflow.WithChildWorkflowInput(200))
	var both [2]int
	if err := one.Await(&both[0]); err != nil {
		return nil, err
	}
	return both[:], two.Await(&both[1])
}

func child(ctx *workflow.WorkflowContext) (any, error) {
	var milliseconds int
	if err := ctx.GetInput(&milliseconds); err != nil {
		return nil, err
	}
	task := ctx.CallActivity("work", workflow.WithActivityInput(milliseconds))
	return milliseconds, task.Await(nil)
}

// sleeping waits for a timer that has a name.
func sleeping(ctx *workflow.WorkflowContext) (any, error) {
	return nil, ctx.CreateTimer(300*time.Millisecond, workflow.WithTimerName("a nap")).Await(nil)
}

// waiting waits for the event without a timeout, and ignores its payload.
func waiting(ctx *workflow.WorkflowContext) (any, error) {
	ctx.SetCustomStatus("waits: " + notJSON)
	return "it came", ctx.WaitForExternalEvent(event, forever).Await(nil)
}

// waitingAtMost waits for the event with a timeout, and returns whether it came.
func waitingAtMost(ctx *workflow.WorkflowContext) (any, error) {
	var milliseconds int
	if err := ctx.GetInput(&milliseconds); err != nil {
		return nil, err
	}
	timeout := time.Duration(milliseconds) * time.Millisecond
	err := ctx.WaitForExternalEvent(event, timeout).Await(nil)
	if errors.Is(err, task.ErrTaskCanceled) {
		return "timed out", nil
	}
	return "it came", err
}

// plainText gives an activity and a child an input that is not JSON; it ignores its own input.
func plainText(ctx *workflow.WorkflowContext) (any, error) {
	ctx.SetCustomStatus(notJSON)
	raw := wrapperspb.String(notJSON)
	if err := ctx.CallActivity("none", workflow.WithRawActivityInput(raw)).Await(nil); err != nil {
		return nil, err
	}
	if err := ctx.CallActivity("bytes").Await(nil); err != nil {
		return nil, err
	}
	// The child fails, because it cannot parse its input.
	err := ctx.CallChildWorkflow("child", workflow.WithRawChildWorkflowInput(raw)).Await(nil)
	return err.Error(), nil
}

// failing runs an activity that fails, and fails with it.
func failing(ctx *workflow.WorkflowContext) (any, error) {
	return nil, ctx.CallActivity("fail").Await(nil)
}

// panicking runs an activity that panics; a workflow that panics would end the whole program.
func panicking(ctx *workflow.WorkflowContext) (any, error) {
	twice := &workflow.RetryPolicy{MaxAttempts: 2, InitialRetryInterval: 100 * time.Millisecond}
	return nil, ctx.CallActivity("panic", workflow.WithActivityRetryPolicy(twice)).Await(nil)
}

// continuing works and waits for the event in each generation, and continues as new until the last.
func continuing(ctx *workflow.WorkflowContext) (any, error) {
	var generation int
	if err := ctx.GetInput(&generation); err != nil {
		return nil, err
	}
	if err := ctx.CallActivity("work", workflow.WithActivityInput(10)).Await(nil); err != nil {
		return nil, err
	}
	if err := ctx.WaitForExternalEvent(event, forever).Await(nil); err != nil {
		return nil, err
	}
	if generation < generations {
		ctx.ContinueAsNew(generation + 1)
		return nil, nil
	}
	return generation, nil
}
