package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"lakegate/spec"
)

// workflow annotates the files of a pull request, by commands that GitHub
// Actions reads from the output of a step. Lines of a spec are not shown: they
// might be commands themselves.
//
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
type workflow struct{ out io.Writer }

func (w workflow) path(path string, err error) {
	fmt.Fprintf(w.out, "::error file=%s::%s\n", property(path), message(err.Error()))
}

func (w workflow) spec(file string, _ []byte, err error) {
	all, ok := errors.AsType[spec.Errors](err)
	if !ok {
		w.path(file, err)
		return
	}
	for _, e := range all {
		text := e.Message
		if e.Path != "" {
			text = e.Path + ": " + text
		}
		fmt.Fprintf(w.out, "::error file=%s,line=%d,col=%d::%s\n", property(e.File), e.Line, e.Column, message(text))
	}
}

// message escapes what would end a command. These and those of property are the
// rules of escapeData and escapeProperty in
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
var message = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace

// property escapes what would end a property of a command.
var property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace
