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

// work takes as many milliseconds as its input says, and returns them.
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

// flaky fails twice for each execution, then returns how often that was.
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

// someBytes returns bytes that are no text, which the SDK writes as base64.
func someBytes(workflow.ActivityContext) (any, error) {
	return []byte{0, 1, 0xfe, 0xff}, nil
}

// none takes any input, also one that is no JSON, and returns nothing at all.
func none(workflow.ActivityContext) (any, error) {
	return nil, nil
}

// panics fails in a way of Go's own.
func panics(workflow.ActivityContext) (any, error) {
	var nothing []int
	return nothing[3], nil
}
