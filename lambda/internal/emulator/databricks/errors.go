package databricks

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"lakegate/lambda/internal/emulator/wire"
)

// verbatim is a refusal that is not in the usual JSON form.
type verbatim struct{ reply *wire.Response }

func (v *verbatim) Error() string { return fmt.Sprintf("%d: %s", v.reply.Status, v.reply.Body) }

// forbidden is what an account without PrivateLink answers: a status and
// nothing else, seen by users of the AWS quick start.
// https://github.com/aws-quickstart/quickstart-databricks-unified-data-analytics-platform/issues/88
func forbidden() error { return &wire.Error{Status: http.StatusForbidden} }

func refusal(status int, code, format string, args ...any) error {
	return &wire.Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return refusal(http.StatusBadRequest, "INVALID_PARAMETER_VALUE", format, args...)
}

func malformed(format string, args ...any) error {
	return refusal(http.StatusBadRequest, "MALFORMED_REQUEST", format, args...)
}

func invalidState(format string, args ...any) error {
	return refusal(http.StatusBadRequest, "INVALID_STATE", format, args...)
}

func missing(noun, id string) error {
	return refusal(http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", "%s %s does not exist", noun, id)
}

func exists(noun, name string) error {
	return refusal(http.StatusConflict, "RESOURCE_ALREADY_EXISTS", "%s %s already exists", noun, name)
}

func notEmulated(what string) error {
	return refusal(http.StatusNotImplemented, "NOT_IMPLEMENTED", "%s is not emulated", what)
}

// refuseAPI encodes an error as the account and workspace APIs do. An error
// without code and message has no body.
func refuseAPI(c *wire.Call, err error) *wire.Response {
	if v, ok := errors.AsType[*verbatim](err); ok {
		return v.reply
	}
	e := wireError(err)
	if e.Code == "" && e.Message == "" {
		return &wire.Response{Status: e.Status}
	}
	return reply(e.Status, map[string]any{
		"error_code": e.Code, "message": e.Message,
		"details": []map[string]string{{
			"@type":      "type.googleapis.com/google.rpc.RequestInfo",
			"request_id": c.RequestID,
		}},
	})
}

// refuseOAuth encodes an error as the token endpoint does.
// https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
func refuseOAuth(_ *wire.Call, err error) *wire.Response {
	e := wireError(err)
	return reply(e.Status, map[string]string{"error": e.Code, "error_description": e.Message})
}

func wireError(err error) *wire.Error {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		return &wire.Error{Status: http.StatusInternalServerError, Code: "INTERNAL_ERROR", Message: err.Error()}
	}
	if e.Status == 0 {
		e = &wire.Error{Status: http.StatusBadRequest, Code: e.Code, Message: e.Message}
	}
	return e
}

func reply(status int, document any) *wire.Response {
	body, err := json.Marshal(document)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", document, err))
	}
	return &wire.Response{
		Status: status,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   body,
	}
}
