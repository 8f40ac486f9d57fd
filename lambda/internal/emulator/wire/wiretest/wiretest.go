// Package wiretest is how the tests of emulated services reach them: by HTTP,
// with the clients of the SDK.
package wiretest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"lakegate/lambda/internal/emulator/wire"
)

// Serve serves services on loopback until a test ends. It returns how a client
// of a region reaches them, which tries everything once.
func Serve(t testing.TB, hub *wire.Hub, services ...*wire.Service) func(region string) aws.Config {
	t.Helper()
	router := wire.NewRouter(hub)
	for _, s := range services {
		router.Serve(s)
	}
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	return func(region string) aws.Config {
		return aws.Config{
			Region: region, BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
			HTTPClient:  &http.Client{Transport: wire.Buffered{}},
			Credentials: credentials.NewStaticCredentialsProvider("tester", "secret", ""),
		}
	}
}

// Want ends a test unless an error has the code of a service that is expected;
// empty means no error.
func Want(t testing.TB, err error, expected string) {
	t.Helper()
	if got := Code(err); got != expected {
		t.Fatalf("got the error %q (%v), want %q", got, err, expected)
	}
}

// Code is the code of a service's error, or the text of any other.
func Code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
