// Command local runs the stack on this machine, without an AWS or Databricks
// account: demo shows one spec from commit to workspace, plan what a spec would
// change, serve keeps it all running for real clients, bench measures what the
// documentation claims, of which cost is a part.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The functions log as they do in AWS, where that is kept; otherwise it is noise.
	slog.SetDefault(slog.New(telemetry.NewHandler(io.Discard)))
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintln(os.Stderr, err)
		}
		stop()
		os.Exit(1)
	}
	stop()
}

// errReported is a failure that has been printed already.
var errReported = errors.New("failed")

const usage = "usage: local demo|plan|serve|bench|cost|many|interpreter [flags]"

func run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet("local "+args[0], flag.ContinueOnError)
	specFile := flags.String("spec", "spec/examples/tokyo.yaml", "the spec to commit")
	base := flags.String("base", "", "the spec that is applied before it is planned what another one changes")
	source := flags.String("source", "s3", "where demo commits the spec: s3 or git")
	retire := flags.Bool("retire", false, "delete the spec at the end of the demo, with deletionPolicy Delete if it says nothing of that")
	seed := flags.Uint64("seed", 1, "seed of the simulated durations")
	awsPort := flags.Int("aws-port", 4566, "port of the AWS endpoint")
	databricksPort := flags.Int("databricks-port", 4567, "port of the Databricks endpoint")
	pagePort := flags.Int("page-port", 4568, "port of the page")
	speed := flags.Float64("speed", 60, "how many times faster than the wall time passes")
	asset := flags.String("asset", "dist", "folder of the built binary")
	workspaces := flags.Int("workspaces", 1000, "how many workspaces one commit adds")
	regions := flags.Int("regions", 1, "over how many regions they are spread")
	slots := flags.Int("slots", plan.DefaultSlots, "how many executions may work at the same time; -1 means any number")
	endpoints := flags.Float64("endpoints-per-second", plan.DefaultEndpointsPerSecond, "how many endpoints executions may plan to make in a region; -1 means any number")
	runs := flags.Int("runs", 100, "how many seeds to measure")
	if err := flags.Parse(args[1:]); err != nil {
		return errReported
	}
	switch args[0] {
	case "demo":
		return demo(ctx, out, *specFile, *source, *seed, *retire)
	case "plan":
		return planned(ctx, out, *specFile, *base, *seed)
	case "serve":
		return serve(ctx, out, *specFile, serveOptions{seed: *seed, awsPort: *awsPort, databricksPort: *databricksPort, pagePort: *pagePort, speed: *speed})
	case "bench":
		// First, as it measures the memory of the process.
		if err := many(ctx, out, manyOptions{*workspaces, *regions, *slots, *endpoints, *seed}); err != nil {
			return err
		}
		return bench(ctx, out, *specFile, *asset, *runs)
	case "cost":
		return costs(ctx, out, paidFor, costSeeds)
	case "many":
		return many(ctx, out, manyOptions{*workspaces, *regions, *slots, *endpoints, *seed})
	case "interpreter":
		return interpreter(ctx, out, *specFile, *awsPort)
	default:
		return errors.New(usage)
	}
}
