// Command lambda is the one binary of every Lambda function of Lakegate.
//
// One binary serves all functions, and STEP says which one the process is:
// role, timeout, memory and log group belong to the function, not to the
// binary, so least privilege and the console look as they would with a folder
// and a binary for each, at one link and one asset instead of thirty.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"lakegate/lambda/internal/handler"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

func main() {
	slog.SetDefault(slog.New(telemetry.NewHandler(os.Stdout)))
	if err := serve(); err != nil {
		slog.Error("function cannot start", "error", err.Error())
		os.Exit(1)
	}
}

func serve() error {
	slots, err := number(plan.EnvSlots)
	if err != nil {
		return err
	}
	endpoints, err := number(plan.EnvEndpointsPerSecond)
	if err != nil {
		return err
	}
	h, err := handler.New(os.Getenv(plan.EnvStep), handler.Config{
		AWS:              environment(),
		StateBucket:      os.Getenv(plan.EnvStateBucket),
		EventBus:         os.Getenv(plan.EnvEventBus),
		DatabricksSecret: os.Getenv(plan.EnvDatabricksSecret),
		DatabricksHost:   os.Getenv(plan.EnvDatabricksHost),
		StateMachine:     os.Getenv(plan.EnvStateMachine),
		Retirement:       os.Getenv(plan.EnvRetirementMachine),
		SourceBucket:     os.Getenv(plan.EnvSourceBucket),
		SourceRepository: os.Getenv(plan.EnvSourceRepository),
		SourceBranch:     os.Getenv(plan.EnvSourceBranch),
		FunctionsVPC:     os.Getenv(plan.EnvFunctionsVPC),
		TargetRoles:      strings.Fields(os.Getenv(plan.EnvTargetRoles)),
		ChatSecret:       os.Getenv(plan.EnvChatSecret),
		ChatTopic:        os.Getenv(plan.EnvChatTopic),
		Slots:            int(slots), EndpointsPerSecond: endpoints,
	})
	if err != nil {
		return err
	}
	lambda.StartWithOptions(h, lambda.WithContext(telemetry.To(context.Background(), output())))
	return nil
}

// output is where AWS Lambda takes telemetry from: what it reads of the process,
// and the daemon of X-Ray beside it.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func output() telemetry.Output {
	out := telemetry.Output{Lines: os.Stdout}
	if address := os.Getenv("AWS_XRAY_DAEMON_ADDRESS"); address != "" {
		// Without a daemon there are no segments, and all else is as it is.
		if daemon, err := new(net.Dialer).DialContext(context.Background(), "udp", address); err == nil {
			out.Segments = daemon
		}
	}
	return out
}

// number reads a variable that only some functions have.
func number(name string) (float64, error) {
	text := os.Getenv(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is %q: it must be a number", name, text)
	}
	return n, nil
}

// environment is the configuration of the SDK in a function: its region and the
// credentials of its role are variables, and never from anywhere else. The SDK's
// own chain would bring profiles, single sign-on and instance metadata along.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func environment() aws.Config {
	return aws.Config{
		Region: os.Getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	}
}
