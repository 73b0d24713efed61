package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dapr/durabletask-go/workflow"
)

var activities = map[string]workflow.Activity{
	"work":  work,
	"flaky": flaky,
	"fail":  fail,
	"bytes": someBytes,
	"none":  none,
	"panic": panics,
}

// work sleeps for the milliseconds of its input, and returns them.
func work(ctx workflow.ActivityContext) (any, error) {
	var milliseconds int
	err := ctx.GetInput(&milliseconds)
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return milliseconds, err
}

var (
	lock   sync.Mutex
	failed = map[string]int{}
)

// flaky fails twice for each execution, then returns the number of failures.
func flaky(ctx workflow.ActivityContext) (any, error) {
	lock.Lock()
	defer lock.Unlock()
	call := ctx.GetTaskExecutionID()
	if failed[call] < 2 {
		failed[call]++
		return nil, fmt.Errorf("failure %d of 2", failed[call])
	}
	return failed[call], nil
}

func fail(workflow.ActivityContext) (any, error) {
	return nil, errors.New("no paper: <b>tray 2</b>\n\tis empty")
}

// someBytes returns bytes that are not text; the SDK encodes them as base64.
func someBytes(workflow.ActivityContext) (any, error) {
	return []byte{0, 1, 0xfe, 0xff}, nil
}

// none accepts any input, also one that is not JSON, and returns nothing.
func none(workflow.ActivityContext) (any, error) {
	return nil, nil
}

// panics fails with a panic of the Go runtime.
func panics(workflow.ActivityContext) (any, error) {
	var nothing []int
	return nothing[3], nil
}
