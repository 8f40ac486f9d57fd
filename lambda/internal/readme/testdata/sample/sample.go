// Package sample says things to people in the ways that the code does.
package sample

const Conflict, AccessDenied, sampleName = "Conflict", "AccessDenied", "sample-1"

var endings = []struct{ code, class, remedy string }{
	{"NPIP_", Conflict, "Look at the relay."},
}

type mismatch struct{ name, found string }

func (m *mismatch) Error() string {
	return fmt.Sprintf("comparing %s: it is %q", m.name, m.found)
}

func checkVPC(id string) error {
	return failure.New(Conflict, fmt.Sprintf("Turn it on (aws ec2 --vpc-id %s).", id), "checking VPC %s: its DNS is off", id)
}

func signIn(url, owner string, err error) error {
	remedy := "Assign it."
	if owner != "" {
		remedy = "Come from the VPC of " + owner + "."
	}
	return failure.As(AccessDenied, remedy, fmt.Errorf("signing in to %s: %w", url, err))
}

func differs(path, found string) error {
	return failure.As(Conflict, "Set "+path+" back, or rename "+sampleName+".", &mismatch{path, found})
}

func verify(id string, p *proof) {
	for _, c := range []struct {
		what, remedy string
		port         int
	}{
		{"TCP 443 is open", "Add egress of TCP 443.", 443},
		{"TCP 6666 is open", "Add egress of TCP 6666.", 6666},
	} {
		p.check(open(c.port), document.Check{What: c.what, Remedy: c.remedy})
	}
	p.note(document.Check{What: "There is a way", Remedy: "Close it."})
	c := document.Check{What: "The names agree", Remedy: "Look at " + id + "."}
	if id == "" {
		c.Remedy = "Look at the VPC."
	}
	p.check(true, c)
	p.check(true, document.Check{What: "Nothing to do", Object: id})
}
