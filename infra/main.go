// Command infra is the CDK app: the AWS resources that Lakegate runs on,
// derived from the plan. It knows what the functions are called, how long they
// may run and what they may do, but not what they do: it imports no SDK, and
// the binary of the functions does not import it.
//
// Run it with the CDK command line, which reads cdk.json. With the argument
// target-role it writes the template of the role that another AWS account needs.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) > 1 && os.Args[1] == targetRole {
		text, err := targetTemplate()
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(text)
		return err
	}
	defer jsii.Close()
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)})
	if err := newStack(app, settingsFrom(app.Node())); err != nil {
		return err
	}
	app.Synth(nil)
	return nil
}
