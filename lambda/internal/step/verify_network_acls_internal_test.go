package step

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// entry reads a rule such as "100 in allow tcp 443-443 0.0.0.0/0"; without
// ports it is for all.
func entry(t *testing.T, number int32, line string) types.NetworkAclEntry {
	t.Helper()
	f := strings.Fields(line)
	e := types.NetworkAclEntry{
		RuleNumber: aws.Int32(number), Egress: aws.Bool(f[0] == "out"), RuleAction: types.RuleAction(f[1]),
		Protocol:  aws.String(map[string]string{"all": "-1", "tcp": "6", "udp": "17"}[f[2]]),
		CidrBlock: aws.String(f[len(f)-1]),
	}
	if len(f) == 5 {
		from, to, _ := strings.Cut(f[3], "-")
		e.PortRange = &types.PortRange{From: aws.Int32(port(from)), To: aws.Int32(port(to))}
	}
	if strings.Contains(f[len(f)-1], ":") {
		e.Ipv6CidrBlock, e.CidrBlock = e.CidrBlock, nil
	}
	return e
}

// The first rule that matches decides, and what Databricks needs has to pass.
func TestACLProblem(t *testing.T) {
	t.Parallel()
	const (
		vpc     = "10.0.0.0/22"
		allIn   = "in allow all 0.0.0.0/0"
		allOut  = "out allow all 0.0.0.0/0"
		control = "out allow tcp 8443-8451 0.0.0.0/0"
	)
	for name, test := range map[string]struct {
		// rules are numbered 100, 200, … and followed by the final denials.
		rules []string
		want  string
	}{
		"default":                 {[]string{allIn, allOut}, ""},
		"nothing":                 {nil, "inbound, the final rule (*)"},
		"nothing out":             {[]string{allIn}, "outbound, the final rule (*) blocks traffic to the VPC"},
		"nothing in":              {[]string{allOut}, "inbound, the final rule (*)"},
		"only what is needed":     {[]string{allIn, "out allow all 10.0.0.0/22", "out allow tcp 443-443 0.0.0.0/0", "out allow tcp 6666-6666 0.0.0.0/0", control}, ""},
		"VPC in a wider block":    {[]string{allIn, "out allow all 10.0.0.0/8", "out allow tcp 0-65535 0.0.0.0/0"}, ""},
		"VPC not covered":         {[]string{allIn, "out allow all 10.0.0.0/23", "out allow tcp 0-65535 0.0.0.0/0"}, "blocks traffic to the VPC (10.0.0.0/22)"},
		"VPC for TCP only":        {[]string{allIn, "out allow tcp 0-65535 0.0.0.0/0"}, "blocks traffic to the VPC"},
		"no relay":                {[]string{allIn, "out allow all 10.0.0.0/22", "out allow tcp 443-443 0.0.0.0/0", control}, "blocks TCP 6666"},
		"no HTTPS":                {[]string{allIn, "out allow all 10.0.0.0/22", "out allow tcp 6666-6666 0.0.0.0/0", control}, "blocks TCP 443"},
		"ports end early":         {[]string{allIn, "out allow all 10.0.0.0/22", "out allow tcp 443-443 0.0.0.0/0", "out allow tcp 6666-6666 0.0.0.0/0", "out allow tcp 8443-8450 0.0.0.0/0"}, "blocks TCP 8451"},
		"UDP is not TCP":          {[]string{allIn, "out allow all 10.0.0.0/22", "out allow udp 0-65535 0.0.0.0/0"}, "blocks TCP 443"},
		"deny before allow, in":   {[]string{"in deny all 192.0.2.0/24", allIn, allOut}, "inbound, rule 100 (deny 192.0.2.0/24) comes before"},
		"deny one port, in":       {[]string{"in deny tcp 22-22 0.0.0.0/0", allIn, allOut}, "inbound, rule 100 (deny 0.0.0.0/0) comes before"},
		"deny one UDP port, in":   {[]string{"in deny udp 53-53 0.0.0.0/0", allIn, allOut}, "inbound, rule 100 (deny 0.0.0.0/0) comes before"},
		"deny after allow, in":    {[]string{allIn, "in deny all 0.0.0.0/0", allOut}, ""},
		"deny port before allow":  {[]string{allIn, "out deny tcp 6000-7000 0.0.0.0/0", allOut}, "outbound, rule 200 (deny 0.0.0.0/0) blocks t"},
		"deny part of a port":     {[]string{allIn, "out deny tcp 443-443 198.51.100.0/24", allOut}, "outbound, rule 200 (deny 198.51.100.0/24) blocks TCP 443"},
		"deny another port":       {[]string{allIn, "out deny tcp 25-25 198.51.100.0/24", allOut}, ""},
		"deny part of the VPC":    {[]string{allIn, "out deny all 10.0.2.0/24", allOut}, "outbound, rule 200 (deny 10.0.2.0/24) blocks traffic to the VPC"},
		"deny after allow, out":   {[]string{allIn, allOut, "out deny all 0.0.0.0/0"}, ""},
		"allow for TCP only, in":  {[]string{"in allow tcp 0-65535 0.0.0.0/0", allOut}, "inbound, the final rule (*)"},
		"allow in two halves, in": {[]string{"in allow all 0.0.0.0/1", "in allow all 128.0.0.0/1", allOut}, "inbound, the final rule (*)"},
		"deny of IPv6":            {[]string{"in deny all ::/0", allIn, allOut}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var entries []types.NetworkAclEntry
			for i, line := range test.rules {
				entries = append(entries, entry(t, int32(100*(i+1)), line))
			}
			// AWS does not promise an order.
			entries = append([]types.NetworkAclEntry{
				entry(t, 32767, "in deny all 0.0.0.0/0"), entry(t, 32767, "out deny all 0.0.0.0/0"),
			}, entries...)
			got := aclProblem(entries, vpc)
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := aclProblem(nil, vpc); !strings.Contains(got, "the absence of a rule") {
		t.Errorf("no rule at all: %q", got)
	}
}
