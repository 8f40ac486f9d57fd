package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lakegate/lambda/plan"
)

type serveOptions struct {
	seed                    uint64
	awsPort, databricksPort int
	pagePort                int
	speed                   float64
}

// environment is where the variables are written that point a client here.
const environment = ".local/env"

// serve commits a spec to an emulated stack and keeps the stack running.
func serve(ctx context.Context, out io.Writer, file string, o serveOptions) error {
	c, err := load(out, file)
	if err != nil {
		return err
	}
	cfg := c.config()
	cfg.Seed, cfg.Speed, cfg.AWSPort, cfg.DatabricksPort = o.seed, o.speed, o.awsPort, o.databricksPort
	cfg.Start, cfg.Chat, cfg.Logs = time.Now(), plan.Products(), true
	w, err := c.start(ctx, cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	address, closePage, err := servePage(w, o.pagePort)
	if err != nil {
		return err
	}
	defer closePage()
	text := w.Environment()
	if err := os.MkdirAll(filepath.Dir(environment), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(environment, []byte(text), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(out, "page        %s\n", address)
	fmt.Fprintf(out, "AWS         %s\nDatabricks  %s\nsource      s3://%s/workspaces/\n            %s (branch main, workspaces/)\ntime passes %g times as fast as here\n\n",
		w.AWSURL, w.DatabricksURL, w.SourceBucket, w.CloneURL(w.SourceRepository), o.speed)
	fmt.Fprintf(out, "%s\nThe same is in %s: source it in another terminal. Ctrl-C ends.\n", strings.TrimSpace(text), environment)
	out, stop := follow(w, out)
	defer stop()
	fmt.Fprintf(out, "\ncommit %s to s3://%s/%s\n", file, w.SourceBucket, c.path)
	if _, err := w.Commit(c.path, c.text); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
