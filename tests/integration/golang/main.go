// A workflow application in Go: it takes work from the sidecar at DAPR_GRPC_ENDPOINT.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dapr/durabletask-go/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const sidecarTimeout = 60 * time.Second // to wait for the sidecar

func main() {
	if err := run(os.Getenv("DAPR_GRPC_ENDPOINT")); err != nil {
		log.Fatal(err)
	}
}

// run serves the workflows until SIGINT or SIGTERM.
func run(endpoint string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	connection, err := grpc.NewClient(
		endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	registry, err := registered()
	if err != nil {
		return err
	}
	if err := listen(ctx, workflow.NewClient(connection), registry); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// listen takes work from the sidecar; it retries while the sidecar is not ready.
func listen(ctx context.Context, client *workflow.Client, registry *workflow.Registry) error {
	for end := time.Now().Add(sidecarTimeout); ; time.Sleep(200 * time.Millisecond) {
		err := client.StartWorker(ctx, registry)
		if err == nil || time.Now().After(end) || ctx.Err() != nil {
			return err
		}
	}
}

func registered() (*workflow.Registry, error) {
	registry := workflow.NewRegistry()
	for name, each := range workflows {
		if err := registry.AddWorkflowN(name, each); err != nil {
			return nil, err
		}
	}
	for name, each := range activities {
		if err := registry.AddActivityN(name, each); err != nil {
			return nil, err
		}
	}
	return registry, nil
}
