// Command new writes a workspace spec to begin with: valid as it is, with every
// field that it may have as a comment.
//
//	go run ./spec/new -name NAME -region REGION
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lakegate/spec"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
}

// The ids that stand in a spec until its author gives others.
const (
	exampleAWSAccount        = "123456789012"
	exampleDatabricksAccount = "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"
)

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("new", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("name", "", "name of the workspace")
	region := flags.String("region", "", "AWS region of the workspace")
	account := flags.String("account", "", "id of the AWS account")
	databricksAccount := flags.String("databricks-account", "", "id of the Databricks account")
	out := flags.String("out", "", "the file to write; NAME.yaml by default")
	schema := flags.String("schema", "spec/workspace.schema.json", "where editors find the JSON Schema")
	if err := flags.Parse(args); err != nil {
		return err
	}
	file := *out
	if file == "" {
		file = *name + ".yaml"
	}
	w := spec.Workspace{
		APIVersion: spec.APIVersion, Kind: spec.Kind, Metadata: spec.Metadata{Name: *name},
		Spec: spec.Spec{Region: *region, AWS: spec.AWS{AccountID: *account}, Databricks: spec.Databricks{AccountID: *databricksAccount}},
	}
	if err := check(file, w); err != nil {
		return err
	}
	text, err := write(w, relative(file, *schema))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("creating the spec: %w", err)
	}
	if _, err := f.Write(text); err != nil {
		_ = f.Close()
		return fmt.Errorf("writing %s: %w", file, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	fmt.Fprintf(stdout, "%s\n", file)
	return nil
}

// check returns an error that says what is wrong with what the author gave.
func check(file string, w spec.Workspace) error {
	var wrong []error
	for _, given := range []struct{ path, text, format string }{
		{"metadata.name", w.Metadata.Name, "name"}, {"spec.region", w.Spec.Region, "region"},
	} {
		if format, _ := spec.LookupFormat(given.format); given.text == "" {
			wrong = append(wrong, fmt.Errorf("%s: is missing: want %s", given.path, format.Want))
		}
	}
	if wrong != nil {
		return errors.Join(wrong...)
	}
	text, err := render(withAccounts(w))
	if err != nil {
		return err
	}
	_, err = spec.Load(file, text)
	if all, ok := errors.AsType[spec.Errors](err); ok {
		for _, e := range all {
			wrong = append(wrong, fmt.Errorf("%s: %s", e.Path, e.Message))
		}
		return errors.Join(wrong...)
	}
	if err != nil {
		return err
	}
	return spec.CheckFileName(file, w.Metadata.Name)
}

// withAccounts has the accounts of the examples where the author gave none.
func withAccounts(w spec.Workspace) spec.Workspace {
	if w.Spec.AWS.AccountID == "" {
		w.Spec.AWS.AccountID = exampleAWSAccount
	}
	if w.Spec.Databricks.AccountID == "" {
		w.Spec.Databricks.AccountID = exampleDatabricksAccount
	}
	return w
}

// relative is the way from a file's folder to another file, or the other file
// as it was given where there is no way.
func relative(file, other string) string {
	from, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return other
	}
	to, err := filepath.Abs(other)
	if err != nil {
		return other
	}
	if _, err := os.Stat(to); err != nil {
		return other
	}
	way, err := filepath.Rel(from, to)
	if err != nil {
		return other
	}
	return filepath.ToSlash(way)
}
