// Command lambda is the one binary of every Lambda function of Lakegate.
//
// One binary serves all functions, and STEP says which one the process is:
// role, timeout, memory and log group belong to the function, not to the
// binary, so least privilege and the console look as they would with a folder
// and a binary for each, at one link and one asset instead of thirty.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"lakegate/lambda/internal/handler"
	"lakegate/lambda/plan"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	if err := serve(context.Background()); err != nil {
		slog.Error("function cannot start", "error", err.Error())
		os.Exit(1)
	}
}

func serve(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	h, err := handler.New(os.Getenv(plan.EnvStep), handler.Config{
		AWS:              cfg,
		StateBucket:      os.Getenv(plan.EnvStateBucket),
		EventBus:         os.Getenv(plan.EnvEventBus),
		DatabricksSecret: os.Getenv(plan.EnvDatabricksSecret),
		DatabricksHost:   os.Getenv(plan.EnvDatabricksHost),
		StateMachine:     os.Getenv(plan.EnvStateMachine),
	})
	if err != nil {
		return err
	}
	lambda.Start(h)
	return nil
}
