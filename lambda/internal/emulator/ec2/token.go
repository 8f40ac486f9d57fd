package ec2

import "time"

// replay is what a client token stands for.
type replay struct {
	params  string
	created object
	// until is when the token is forgotten.
	until time.Time
}

// tokenLife is how long a client token is remembered, whatever has become of
// the object: a token names one request, not one object.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
const tokenLife = 24 * time.Hour

// repeated finds what an earlier request with the same client token created, as
// it is now, even if it has been deleted since.
func repeated[T object](r *request, action, token string) (created T, ok bool, err error) {
	old, ok := r.tokens[action+"/"+token]
	if token == "" || !ok || r.now.After(old.until) {
		return created, false, nil
	}
	if old.params != r.params {
		return created, false, fault("IdempotentParameterMismatch", "The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical.")
	}
	return old.created.(T), true, nil
}

// remember notes what a request with a client token created.
func (r *request) remember(action, token string, created object) {
	if token != "" {
		r.tokens[action+"/"+token] = replay{params: r.params, created: created, until: r.now.Add(tokenLife)}
	}
}
