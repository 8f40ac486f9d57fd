package handler_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"lakegate/lambda/internal/handler"
	"lakegate/lambda/plan"
)

// Every step and function of the plan has a handler, and nothing else has.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range handler.Names() {
		if _, err := handler.New(name, handler.Config{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if want := len(plan.Steps()) + len(plan.Functions()); len(handler.Names()) != want {
		t.Errorf("there are %d handlers, the plan has %d", len(handler.Names()), want)
	}
	_, err := handler.New("EnsureNothing", handler.Config{})
	if err == nil || !strings.Contains(err.Error(), "EnsureNothing") || !strings.Contains(err.Error(), "EnsureVpc") {
		t.Errorf("an unknown step: %v", err)
	}
}

// What cannot be read arrives as a class that Step Functions knows.
func TestNonsense(t *testing.T) {
	t.Parallel()
	for _, name := range handler.Names() {
		h, err := handler.New(name, handler.Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h(t.Context(), []byte(`"nonsense"`))
		if e, ok := errors.AsType[messages.InvokeResponse_Error](err); !ok || e.Type != plan.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}
