// Command operate shows a deployed stack to those who operate it: status says
// how the workspaces are and what to do, logs prints what the functions have
// written about one workspace.
//
// It reads and changes nothing. Account, region, credentials and endpoint are
// those that the AWS SDK finds: environment variables, profiles, single sign-on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"lakegate/lambda/internal/terminal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, terminal.Writer{Out: os.Stdout}, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(terminal.Writer{Out: os.Stderr}, err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: operate status [-workspace name] | operate logs -workspace name [-since 1h] [-execution name] [-follow]")

func run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	flags := flag.NewFlagSet("operate "+args[0], flag.ContinueOnError)
	workspace := flags.String("workspace", "", "metadata.name of the workspace")
	since := flags.Duration("since", time.Hour, "how far to look back")
	execution := flags.String("execution", "", "name of an execution, to see its lines alone")
	follow := flags.Bool("follow", false, "go on as lines come")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	// Reading some eighty log groups comes near to what CloudWatch grants.
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryMode(aws.RetryModeAdaptive), config.WithRetryMaxAttempts(10))
	if err != nil {
		return fmt.Errorf("reading the configuration of AWS: %w", err)
	}
	s := newStack(cfg, time.Now)
	switch {
	case args[0] == "status" && *workspace == "":
		return s.overview(ctx, out)
	case args[0] == "status":
		return s.describe(ctx, out, *workspace)
	case args[0] == "logs" && *workspace != "":
		return s.logs(ctx, out, query{workspace: *workspace, execution: *execution, since: *since, follow: *follow})
	default:
		return errUsage
	}
}
