package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

//go:embed moto.py
var launcher []byte

// interpreterSpeed makes simulated minutes pass in seconds of the wall: the
// other interpreter waits in real time.
// The shortest wait of an interpreter is one second, which must not look like a
// redrive to the steps.
const interpreterSpeed = 30

// interpreter runs the definition on an interpreter that is not ours: that of
// moto_server, whose Lambda calls our handlers answer. It needs moto_server's
// Python package.
func interpreter(ctx context.Context, out io.Writer, file string, port int) error {
	c, err := load(out, file)
	if err != nil {
		return err
	}
	cfg := c.config()
	cfg.Speed, cfg.AWSPort, cfg.Manual = interpreterSpeed, port, true
	w, err := c.start(ctx, cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	w.HastenWaits(interpreterSpeed)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	client, err := startMoto(ctx, cfg.Region, port)
	if err != nil {
		return err
	}
	version, err := w.Commit(c.path, c.text)
	if err != nil {
		return err
	}
	input, err := json.Marshal(document.Input{
		Workspace: c.spec.Metadata.Name,
		Revision:  revision.Revision{Source: plan.S3, Repository: w.SourceBucket, Path: c.path, Version: version},
	})
	if err != nil {
		return err
	}
	machine, err := client.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String(plan.StateMachineName), Definition: aws.String(w.Definition()),
		RoleArn: aws.String("arn:aws:iam::" + cfg.AWSAccount + ":role/lakegate"),
	})
	if err != nil {
		return fmt.Errorf("creating the state machine in moto: %w", err)
	}
	started, err := client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: machine.StateMachineArn, Name: aws.String(c.spec.Metadata.Name + "-moto"), Input: aws.String(string(input)),
	})
	if err != nil {
		return fmt.Errorf("starting an execution in moto: %w", err)
	}
	return await(ctx, out, client, *started.ExecutionArn)
}

// startMoto starts the other interpreter on a port of its own; it calls Lambda
// at ours.
func startMoto(ctx context.Context, region string, lambdaPort int) (*sfn.Client, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	if err := l.Close(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "python3", "-", "-H", "127.0.0.1", "-p", port) //nolint:gosec // our own arguments
	cmd.Stdin = bytes.NewReader(launcher)
	cmd.Env = append(cmd.Environ(), "MOTO_PORT="+strconv.Itoa(lambdaPort))
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting moto: %w", err)
	}
	go func() { _ = cmd.Wait() }()
	url := "http://" + address
	for range 100 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/moto-api/data.json", nil)
		if err != nil {
			return nil, err
		}
		if reply, err := http.DefaultClient.Do(request); err == nil {
			_ = reply.Body.Close()
			return sfn.New(sfn.Options{
				Region: region, BaseEndpoint: aws.String(url),
				Credentials: credentials.NewStaticCredentialsProvider("author", "emulated", ""),
			}), nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return nil, fmt.Errorf("moto did not start: is its Python package installed?")
}

func await(ctx context.Context, out io.Writer, client *sfn.Client, arn string) error {
	for {
		x, err := client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn)})
		if err != nil {
			return fmt.Errorf("looking at the execution in moto: %w", err)
		}
		switch x.Status {
		case sfntypes.ExecutionStatusSucceeded:
			var summary document.Report
			if err := json.Unmarshal([]byte(aws.ToString(x.Output)), &summary); err != nil {
				return err
			}
			fmt.Fprintf(out, "moto's interpreter: SUCCEEDED, workspace %s, %d steps changed something\n", summary.URL, len(summary.Changed))
			return nil
		case sfntypes.ExecutionStatusRunning:
		default:
			fmt.Fprintf(out, "moto's interpreter: %s %s\n%s\n", x.Status, aws.ToString(x.Error), aws.ToString(x.Cause))
			return errReported
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}
