package network_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/emulator/network"
)

// zone is a private zone of the VPC.
func (w *world) zone(name string, records ...network.Record) {
	w.zones = append(w.zones, network.Zone{Name: name, VPCs: []network.VPC{{Region: region, ID: w.vpc}}, Records: records})
}

func address(name, value string) network.Record {
	return network.Record{Name: name, Type: "A", Values: []string{value}}
}

func cname(name, value string) network.Record {
	return network.Record{Name: name, Type: "CNAME", Values: []string{value}}
}

// public stands for any address in the public network.
const public = "public"

func TestResolve(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*world)
		from   func(*world) string
		host   string
		// want is an address, the name of an endpoint, public, or empty for none.
		want string
	}{
		"a public name":                      {host: "example.com", want: public},
		"an AWS service":                     {host: stsName, want: "sts"},
		"in upper case and with a dot":       {host: "STS.ap-northeast-1.amazonaws.com.", want: "sts"},
		"an AWS service without an endpoint": {host: "glue.ap-northeast-1.amazonaws.com", want: public},
		"of an endpoint of another VPC":      {host: laboratoryName, want: public},
		"of the other VPC, from there":       {host: laboratoryName, from: func(w *world) string { return w.foreign }, want: "lab"},
		"an AWS service, from the other VPC": {host: stsName, from: func(w *world) string { return w.foreign }, want: public},
		"nowhere":                            {host: stsName, from: func(*world) string { return "subnet-gone" }},
		"DNS support off":                    {change: func(w *world) { w.noDNS() }, host: "example.com"},
		"DNS support off, of an endpoint":    {change: func(w *world) { w.noDNS() }, host: stsName},
		"DNS hostnames off":                  {change: func(w *world) { w.hostnames(w.vpc, false) }, host: stsName, want: public},
		"DNS hostnames off, in a zone":       {change: func(w *world) { w.hostnames(w.vpc, false); w.zone("example.com", address("example.com", "10.0.9.9")) }, host: "example.com", want: public},
		"an endpoint without private names":  {change: func(w *world) { w.namesOff() }, host: stsName, want: public},
		"an endpoint that is gone":           {change: func(w *world) { w.deleteEndpoint(w.sts) }, host: stsName, want: public},
		"in a zone, before an endpoint":      {change: func(w *world) { w.zone("amazonaws.com", address(stsName, "10.0.9.9")) }, host: stsName, want: "10.0.9.9"},
		"in a zone of its own name":          {change: func(w *world) { w.zone(stsName, address(stsName, "10.0.9.9")) }, host: stsName, want: "10.0.9.9"},
		"in a zone that ends in a dot":       {change: func(w *world) { w.zone("amazonaws.com.", address(stsName+".", "10.0.9.9")) }, host: stsName, want: "10.0.9.9"},
		"hidden by a zone":                   {change: func(w *world) { w.zone("amazonaws.com") }, host: stsName},
		"hidden by a zone, of a public name": {change: func(w *world) { w.zone("example.com") }, host: "www.example.com"},
		"beside a zone":                      {change: func(w *world) { w.zone("example.com") }, host: "anexample.com", want: public},
		"in a zone, of another type": {change: func(w *world) {
			w.zone("example.com", network.Record{Name: "example.com", Type: "TXT", Values: []string{"a"}})
		}, host: "example.com"},
		"in a zone of another VPC":    {change: func(w *world) { w.zone("amazonaws.com"); w.zones[0].VPCs[0].ID = w.elsewhere }, host: stsName, want: "sts"},
		"in a zone of another region": {change: func(w *world) { w.zone("amazonaws.com"); w.zones[0].VPCs[0].Region = "us-east-1" }, host: stsName, want: "sts"},
		"the longest zone": {change: func(w *world) {
			w.zone("amazonaws.com")
			w.zone(stsName, address(stsName, "10.0.9.9"))
			w.zone("ap-northeast-1.amazonaws.com")
		}, host: stsName, want: "10.0.9.9"},
		"the longest zone, which hides":     {change: func(w *world) { w.zone(stsName); w.zone("amazonaws.com", address(stsName, "10.0.9.9")) }, host: stsName},
		"a CNAME to an endpoint":            {change: func(w *world) { w.zone("corp.example", cname("sts.corp.example", stsName)) }, host: "sts.corp.example", want: "sts"},
		"a CNAME to its name in upper case": {change: func(w *world) { w.zone("corp.example", cname("sts.corp.example", strings.ToUpper(stsName)+".")) }, host: "sts.corp.example", want: "sts"},
		"a CNAME that leads out":            {change: func(w *world) { w.zone("corp.example", cname("www.corp.example", "example.com")) }, host: "www.corp.example", want: public},
		"an alias to an endpoint": {change: func(w *world) {
			w.zone("corp.example", network.Record{Name: "corp.example", Type: "A", Alias: stsName + "."})
		}, host: "corp.example", want: "sts"},
		"a public CNAME to an endpoint":       {change: func(w *world) { w.aliases["acme.lab.example"] = laboratoryName }, from: func(w *world) string { return w.foreign }, host: "acme.lab.example", want: "lab"},
		"a public CNAME, without an endpoint": {change: func(w *world) { w.aliases["acme.lab.example"] = laboratoryName }, host: "acme.lab.example", want: public},
		"a chain of CNAMEs": {
			change: func(w *world) {
				w.aliases["public.example"] = "sts.corp.example"
				w.zone("corp.example", cname("www.corp.example", "public.example"), cname("sts.corp.example", stsName))
			},
			host: "www.corp.example", want: "sts",
		},
		"a CNAME in a circle": {change: func(w *world) {
			w.zone("corp.example", cname("a.corp.example", "b.corp.example"), cname("b.corp.example", "a.corp.example"))
		}, host: "a.corp.example"},
		"a public CNAME that a zone hides": {
			change: func(w *world) { w.aliases["acme.lab.example"] = laboratoryName; w.zone("privatelink.lab.example") },
			host:   "acme.lab.example",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			subnet := w.compute
			if test.from != nil {
				subnet = test.from(w)
			}
			endpoints := map[string]netip.Addr{"sts": w.addressOf(w.sts), "lab": w.addressOf(w.lab)}
			if test.change != nil {
				test.change(w)
			}
			got, ok := w.network().Resolve(w.machine(subnet), test.host)
			if ok != (test.want != "") || ok != (len(got) > 0) {
				t.Fatalf("got %v, %t, want %q", got, ok, test.want)
			}
			switch want, named := endpoints[test.want]; {
			case !ok:
			case test.want == public:
				if got[0].IsPrivate() {
					t.Errorf("got %v, want a public address", got)
				}
			case named:
				if !slices.Equal(got, []netip.Addr{want}) {
					t.Errorf("got %v, want %s of %s", got, want, test.want)
				}
			default:
				if !slices.Equal(got, []netip.Addr{netip.MustParseAddr(test.want)}) {
					t.Errorf("got %v, want %s", got, test.want)
				}
			}
		})
	}
}

// The own names of an endpoint are public, and lead to its private addresses.
func TestResolveOwnNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lab, _ := w.service.Endpoint(region, w.lab)
	for _, name := range lab.DNS {
		own := strings.HasSuffix(name.Name, ".vpce.amazonaws.com")
		got, ok := w.network().Resolve(w.machine(w.compute), name.Name)
		if !ok || slices.Contains(got, w.addressOf(w.lab)) != own {
			t.Errorf("%s: got %v, %t", name.Name, got, ok)
		}
	}
}

// Names of S3 in the region are addresses of its prefix list, all others are not.
func TestResolveS3(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	block := netip.MustParsePrefix(w.service.ServiceCIDRs(region, "s3")[0])
	for host, within := range map[string]bool{
		s3Name: true, "bucket." + s3Name: true, "s3.us-east-1.amazonaws.com": false, "bucket.s3.amazonaws.com": false, "pypi.org": false,
	} {
		if got, ok := w.network().Resolve(w.machine(w.compute), host); !ok || block.Contains(got[0]) != within {
			t.Errorf("%s: got %v, %t", host, got, ok)
		}
	}
}

func (w *world) noDNS() {
	must(w.ModifyVpcAttribute(w.t.Context(), &awsec2.ModifyVpcAttributeInput{
		VpcId: &w.vpc, EnableDnsSupport: &types.AttributeBooleanValue{Value: aws.Bool(false)},
	}))
}

func (w *world) namesOff() {
	must(w.ModifyVpcEndpoint(w.t.Context(), &awsec2.ModifyVpcEndpointInput{VpcEndpointId: &w.sts, PrivateDnsEnabled: aws.Bool(false)}))
	w.settle()
}

func (w *world) deleteEndpoint(id string) {
	must(w.DeleteVpcEndpoints(w.t.Context(), &awsec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{id}}))
	w.settle()
}

func TestConnect(t *testing.T) {
	t.Parallel()
	const connected, refused, timeout, unreachable = network.Connected, network.Refused, network.Timeout, network.Unreachable
	toSTS := func(w *world) netip.Addr { return w.addressOf(w.sts) }
	toKinesis := func(w *world) netip.Addr { return w.addressOf(w.kinesis) }
	toS3 := func(w *world) netip.Addr {
		return netip.MustParsePrefix(w.service.ServiceCIDRs(region, "s3")[0]).Addr().Next()
	}
	to := func(a string) func(*world) netip.Addr {
		return func(*world) netip.Addr { return netip.MustParseAddr(a) }
	}
	outside := to("44.200.0.1")
	sibling := func(w *world) string { return w.sibling }
	deny, allow := types.RuleActionDeny, types.RuleActionAllow
	const tcp = "6"
	for name, test := range map[string]struct {
		change func(*world)
		from   func(*world) string
		to     func(*world) netip.Addr
		// port is 443 unless it is given, protocol TCP.
		port     int
		protocol string
		want     network.Outcome
	}{
		"an endpoint":                       {to: toSTS, want: connected},
		"an endpoint, by TLS":               {to: toSTS, protocol: network.TLS, want: connected},
		"an endpoint, from a sibling":       {to: toSTS, from: sibling, want: connected},
		"the public network":                {to: outside, want: connected},
		"a port that nothing listens on":    {change: func(w *world) { w.admit(w.gates, false, "tcp", 8443, w.nodes) }, to: toSTS, port: 8443, want: refused},
		"a protocol that nothing speaks":    {change: func(w *world) { w.admit(w.gates, false, "udp", 443, w.nodes) }, to: toSTS, protocol: network.UDP, want: refused},
		"itself":                            {to: to("127.0.0.1"), want: refused},
		"an address of the VPC that nobody": {to: to("10.0.200.1"), want: timeout},
		"IPv6":                              {to: to("2606:4700:4700::1111"), want: unreachable},
		"from nowhere":                      {from: func(*world) string { return "subnet-gone" }, to: outside, want: unreachable},
		// The other VPC has the same addresses, which are not this one's.
		"an endpoint of another VPC": {to: func(w *world) netip.Addr { w.deleteEndpoint(w.sts); return w.addressOf(w.lab) }, port: 6666, want: timeout},
		"an endpoint that is gone":   {to: func(w *world) netip.Addr { a := w.addressOf(w.sts); w.deleteEndpoint(w.sts); return a }, want: timeout},

		"no egress":                          {change: func(w *world) { w.shut(w.nodes, true) }, to: toSTS, want: timeout},
		"egress to another port":             {change: func(w *world) { w.shut(w.nodes, true); w.admit(w.nodes, true, "tcp", 444, everywhere) }, to: toSTS, want: timeout},
		"egress of another protocol":         {change: func(w *world) { w.shut(w.nodes, true); w.admit(w.nodes, true, "udp", 443, everywhere) }, to: toSTS, want: timeout},
		"egress to a block":                  {change: func(w *world) { w.shut(w.nodes, true); w.admit(w.nodes, true, "tcp", 443, "10.0.2.0/24") }, to: toSTS, want: connected},
		"egress to another block":            {change: func(w *world) { w.shut(w.nodes, true); w.admit(w.nodes, true, "tcp", 443, "10.0.3.0/24") }, to: toSTS, want: timeout},
		"egress to the group":                {change: func(w *world) { w.shut(w.nodes, true); w.admit(w.nodes, true, "tcp", 443, w.gates) }, to: toSTS, want: connected},
		"egress to the group, and beyond":    {change: func(w *world) { w.shut(w.nodes, true); w.admit(w.nodes, true, "tcp", 443, w.gates) }, to: outside, want: timeout},
		"egress to another group":            {change: func(w *world) { w.shut(w.nodes, true); w.admit(w.nodes, true, "tcp", 443, w.nodes) }, to: toSTS, want: timeout},
		"egress to S3":                       {change: func(w *world) { w.shut(w.nodes, true); w.admit(w.nodes, true, "tcp", 443, w.s3List()) }, to: toS3, want: connected},
		"egress to S3, and beyond":           {change: func(w *world) { w.shut(w.nodes, true); w.admit(w.nodes, true, "tcp", 443, w.s3List()) }, to: outside, want: timeout},
		"no ingress":                         {change: func(w *world) { w.shut(w.gates, false) }, to: toSTS, want: timeout},
		"ingress to another port":            {change: func(w *world) { w.shut(w.gates, false); w.admit(w.gates, false, "tcp", 444, w.nodes) }, to: toSTS, want: timeout},
		"ingress from the block":             {change: func(w *world) { w.shut(w.gates, false); w.admit(w.gates, false, "tcp", 443, "10.0.1.0/24") }, to: toSTS, want: connected},
		"ingress from another block":         {change: func(w *world) { w.shut(w.gates, false); w.admit(w.gates, false, "tcp", 443, "10.0.2.0/24") }, to: toSTS, want: timeout},
		"ingress from another group":         {change: func(w *world) { w.shut(w.gates, false); w.admit(w.gates, false, "tcp", 443, w.gates) }, to: toSTS, want: timeout},
		"answers need no rule of a group":    {change: func(w *world) { w.shut(w.gates, true) }, to: toSTS, want: connected},
		"an ACL without a denial":            {change: func(w *world) { w.acl(w.compute); w.acl(w.doors) }, to: toSTS, want: connected},
		"an ACL: out of the subnet":          {change: func(w *world) { w.acl(w.compute, rule{50, true, deny, tcp, 443, 443, everywhere}) }, to: toSTS, want: timeout},
		"an ACL: out, to the public network": {change: func(w *world) { w.acl(w.compute, rule{50, true, deny, tcp, 443, 443, everywhere}) }, to: outside, want: timeout},
		"an ACL: out, to another block":      {change: func(w *world) { w.acl(w.compute, rule{50, true, deny, tcp, 443, 443, "10.0.3.0/24"}) }, to: toSTS, want: connected},
		"an ACL: out, another port":          {change: func(w *world) { w.acl(w.compute, rule{50, true, deny, tcp, 444, 500, everywhere}) }, to: toSTS, want: connected},
		"an ACL: out, another protocol":      {change: func(w *world) { w.acl(w.compute, rule{50, true, deny, "17", 443, 443, everywhere}) }, to: toSTS, want: connected},
		"an ACL: out, allowed first": {change: func(w *world) {
			w.acl(w.compute, rule{50, true, allow, tcp, 443, 443, everywhere}, rule{60, true, deny, tcp, 0, 65535, everywhere})
		}, to: toSTS, want: connected},
		"an ACL: out, denied first": {change: func(w *world) {
			w.acl(w.compute, rule{60, true, allow, tcp, 443, 443, everywhere}, rule{50, true, deny, tcp, 0, 65535, everywhere})
		}, to: toSTS, want: timeout},
		"an ACL: the answer into the subnet":  {change: func(w *world) { w.acl(w.compute, rule{50, false, deny, tcp, 1024, 65535, everywhere}) }, to: toSTS, want: timeout},
		"an ACL: the answer from outside":     {change: func(w *world) { w.acl(w.compute, rule{50, false, deny, tcp, 1024, 65535, everywhere}) }, to: outside, want: timeout},
		"an ACL: into the other subnet":       {change: func(w *world) { w.acl(w.doors, rule{50, false, deny, tcp, 443, 443, everywhere}) }, to: toSTS, want: timeout},
		"an ACL: the answer out of the other": {change: func(w *world) { w.acl(w.doors, rule{50, true, deny, tcp, 1024, 65535, everywhere}) }, to: toSTS, want: timeout},
		"an ACL: within the subnet": {change: func(w *world) {
			w.acl(w.compute, rule{50, true, deny, "-1", 0, 0, everywhere}, rule{50, false, deny, "-1", 0, 0, everywhere})
		}, to: toKinesis, want: connected},

		"no route":                           {from: sibling, to: outside, want: timeout},
		"the main table has no route to S3":  {from: sibling, to: toS3, want: timeout},
		"the main table, with a route":       {change: func(w *world) { w.route(w.main, everywhere, w.nat) }, from: sibling, to: outside, want: connected},
		"an own table hides the main one":    {change: func(w *world) { w.route(w.main, everywhere, w.nat); w.unroute(w.own, everywhere) }, to: outside, want: timeout},
		"S3 by its endpoint":                 {change: func(w *world) { w.unroute(w.own, everywhere) }, to: toS3, want: connected},
		"S3 by its endpoint, past the NAT":   {change: func(w *world) { w.firewalls[w.nat] = network.Firewall{} }, to: toS3, want: connected},
		"S3 without an endpoint, by the NAT": {change: func(w *world) { w.deleteEndpoint(w.s3); w.firewalls[w.nat] = network.Firewall{} }, to: toS3, want: timeout},
		"the longer prefix leads on":         {change: func(w *world) { w.route(w.own, "44.200.0.0/16", w.transit); w.firewalls[w.nat] = network.Firewall{} }, to: outside, want: connected},
		"the longer prefix leads nowhere":    {change: func(w *world) { w.route(w.own, "44.200.0.0/16", w.peers) }, to: outside, want: timeout},
		"a longer prefix of others":          {change: func(w *world) { w.route(w.own, "44.201.0.0/16", w.peers) }, to: outside, want: connected},
		"an internet gateway":                {change: func(w *world) { w.unroute(w.own, everywhere); w.route(w.own, everywhere, w.internet) }, to: outside, want: timeout},
		"a transit gateway":                  {change: func(w *world) { w.unroute(w.own, everywhere); w.route(w.own, everywhere, w.transit) }, to: outside, want: connected},
		"a NAT gateway that is gone": {change: func(w *world) {
			must(w.DeleteNatGateway(w.t.Context(), &awsec2.DeleteNatGatewayInput{NatGatewayId: &w.nat}))
		}, to: outside, want: timeout},
		"a NAT gateway without a route on":   {change: func(w *world) { w.unroute(w.outer, everywhere) }, to: outside, want: timeout},
		"a NAT gateway that leads to itself": {change: func(w *world) { w.unroute(w.outer, everywhere); w.route(w.outer, everywhere, w.nat) }, to: outside, want: timeout},
		"a NAT gateway before a transit":     {change: func(w *world) { w.unroute(w.outer, everywhere); w.route(w.outer, everywhere, w.transit) }, to: outside, want: connected},
		"a firewall behind the NAT gateway": {change: func(w *world) {
			w.unroute(w.outer, everywhere)
			w.route(w.outer, everywhere, w.transit)
			w.firewalls[w.transit] = network.Firewall{}
		}, to: outside, want: timeout},
		"a private NAT gateway": {change: func(w *world) { w.byPrivateNAT() }, to: outside, want: timeout},
		"a private NAT before a transit": {change: func(w *world) {
			w.unroute(w.outer, everywhere)
			w.route(w.outer, everywhere, w.transit)
			w.byPrivateNAT()
		}, to: outside, want: connected},

		"a firewall":                     {change: func(w *world) { w.firewalls[w.nat] = network.Firewall{Hosts: []string{"pypi.org"}} }, to: outside, want: timeout},
		"a firewall that knows the host": {change: func(w *world) { w.firewalls[w.nat] = network.Firewall{Hosts: []string{"example.com"}} }, to: outside, want: connected},
		"a firewall of names, opened":    {change: func(w *world) { w.firewalls[w.nat] = network.Firewall{ByName: true} }, to: outside, want: connected},
		"a firewall of names, by TLS":    {change: func(w *world) { w.firewalls[w.nat] = network.Firewall{ByName: true} }, to: outside, protocol: network.TLS, want: timeout},
		"a firewall of names, by UDP":    {change: func(w *world) { w.firewalls[w.nat] = network.Firewall{ByName: true} }, to: outside, protocol: network.UDP, want: timeout},
		"a firewall of names, its host":  {change: func(w *world) { w.firewalls[w.nat] = network.Firewall{ByName: true, Hosts: []string{"example.com"}} }, to: outside, protocol: network.TLS, want: connected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.change != nil {
				test.change(w)
			}
			subnet := w.compute
			if test.from != nil {
				subnet = test.from(w)
			}
			port, protocol := test.port, test.protocol
			if port == 0 {
				port = 443
			}
			if protocol == "" {
				protocol = network.TCP
			}
			address := test.to(w)
			if got := w.network().Connect(w.machine(subnet), address, port, protocol, "example.com"); got != test.want {
				t.Errorf("%s is %s, want %s", address, got, test.want)
			}
		})
	}
}

func (w *world) s3List() string {
	for _, t := range w.service.RouteTables(region) {
		for _, r := range t.Routes {
			if strings.HasPrefix(r.Destination, "pl-") {
				return r.Destination
			}
		}
	}
	return ""
}

// byPrivateNAT leads compute to a private NAT gateway in the public subnet.
func (w *world) byPrivateNAT() {
	w.unroute(w.own, everywhere)
	w.route(w.own, everywhere, w.newNAT(w.public, types.ConnectivityTypePrivate))
}

// The endpoint that traffic passes is that of the machine's own VPC.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.addressOf(w.sts) != w.addressOf(w.lab) {
		t.Fatal("the two VPCs do not have an address in common")
	}
	s3 := netip.MustParsePrefix(w.service.ServiceCIDRs(region, "s3")[0]).Addr().Next()
	for name, test := range map[string]struct {
		subnet string
		to     netip.Addr
		want   string
	}{
		"an interface endpoint":  {w.compute, w.addressOf(w.sts), w.sts},
		"in the other VPC":       {w.foreign, w.addressOf(w.lab), w.lab},
		"a gateway endpoint":     {w.compute, s3, w.s3},
		"no gateway endpoint":    {w.sibling, s3, ""},
		"the public network":     {w.compute, netip.MustParseAddr("44.200.0.1"), ""},
		"an address without one": {w.compute, netip.MustParseAddr("10.0.200.1"), ""},
		"nowhere":                {"subnet-gone", s3, ""},
	} {
		if got, ok := w.network().Endpoint(w.machine(test.subnet), test.to); got.ID != test.want || ok != (test.want != "") {
			t.Errorf("%s: got %q, %t, want %q", name, got.ID, ok, test.want)
		}
	}
}
