package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
)

// Decoded is an operation whose input is decoded from the JSON of a call. The
// input has every member that is emulated, so that one which is not is refused
// and not passed over. The lock is held while the operation works; nil means
// that it locks by itself.
func Decoded[In any](lock sync.Locker, op func(*Call, In) (any, error)) Operation {
	return func(c *Call) (any, error) {
		var in In
		decoder := json.NewDecoder(bytes.NewReader(c.Body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			return nil, &Error{Code: "SerializationException", Message: fmt.Sprintf("the input of %s is not understood: %v", c.Action, err)}
		}
		if lock != nil {
			lock.Lock()
			defer lock.Unlock()
		}
		return op(c, in)
	}
}
