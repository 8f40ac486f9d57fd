package spec

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// parseCIDR returns an IPv4 block, or the reason why the text is none and what
// to write instead.
func parseCIDR(text string) (block netip.Prefix, refusal string) {
	const want = "want an IPv4 block such as 10.0.0.0/22"
	if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() {
		return netip.Prefix{}, fmt.Sprintf("%s is an address, not a block: add how long its prefix is, such as /22, or /32 for this address alone", text)
	}
	block, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Sprintf("%s is not a CIDR block: %s", quote(text), want)
	case !block.Addr().Is4():
		return netip.Prefix{}, fmt.Sprintf("%s is not IPv4: %s", text, want)
	case block != block.Masked():
		return netip.Prefix{}, fmt.Sprintf("%s has bits set behind its /%d: write %s", text, block.Bits(), block.Masked())
	}
	return block, ""
}

// quarter returns the nth of the four equal parts of a block, from 0, and
// false if the block is too small to be divided.
func quarter(block netip.Prefix, n int) (netip.Prefix, bool) {
	bits := block.Bits() + 2
	if bits > 32 {
		return netip.Prefix{}, false
	}
	first := block.Masked().Addr().As4()
	start := binary.BigEndian.Uint32(first[:]) + uint32(n)<<(32-bits)
	var part [4]byte
	binary.BigEndian.PutUint32(part[:], start)
	return netip.PrefixFrom(netip.AddrFrom4(part), bits), true
}

// contains reports whether all of inner lies in outer.
func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// reservedBlocks cannot be the addresses of compute.
var reservedBlocks = []struct {
	block netip.Prefix
	use   string
}{
	// Databricks uses these inside of every node.
	// https://docs.databricks.com/aws/en/security/network/classic/customer-managed-vpc
	{netip.MustParsePrefix("127.187.216.0/24"), "which Databricks uses inside of its nodes"},
	{netip.MustParsePrefix("192.168.216.0/24"), "which Databricks uses inside of its nodes"},
	{netip.MustParsePrefix("198.18.216.0/24"), "which Databricks uses inside of its nodes"},
	{netip.MustParsePrefix("172.17.0.0/16"), "which the containers on Databricks' nodes use"},
	// AWS has no VPC there.
	// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
	{netip.MustParsePrefix("0.0.0.0/8"), "which addresses no host"},
	{netip.MustParsePrefix("127.0.0.0/8"), "which is loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "which is link-local"},
	{netip.MustParsePrefix("224.0.0.0/4"), "which is multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "which is reserved"},
}

// reserved returns the reason why a block cannot hold compute, or nothing.
func reserved(block netip.Prefix) string {
	for _, r := range reservedBlocks {
		if r.block.Overlaps(block) {
			return fmt.Sprintf("%s overlaps %s, %s", block, r.block, r.use)
		}
	}
	return ""
}

// privateBlocks hold no address of a public service.
var privateBlocks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
}

// portRange is an inclusive range of ports.
type portRange struct{ first, last int }

// allPorts is what a rule's "all" stands for.
var allPorts = portRange{0, 65535}

// parsePorts returns the ports of a rule, or the reason why the text names
// none and what to write instead.
func parsePorts(text string) (ports portRange, refusal string) {
	if text == "all" {
		return allPorts, ""
	}
	from, to, isRange := strings.Cut(text, "-")
	first, ok := parsePort(from)
	last := first
	if isRange && ok {
		last, ok = parsePort(to)
	}
	switch {
	case !ok:
		return portRange{}, fmt.Sprintf(`%s is not a port: want "443", a range such as "8445-8451", or all`, quote(text))
	case isRange && first == last:
		return portRange{}, fmt.Sprintf("%s is a range of one: write %q", text, from)
	case first > last:
		return portRange{}, fmt.Sprintf(`%s runs backwards: write "%d-%d"`, text, last, first)
	case first == 0 && last == allPorts.last:
		return portRange{}, fmt.Sprintf("%s is every port: write all", text)
	case first == 0:
		return portRange{}, fmt.Sprintf("%s begins with port 0, which cannot be used: want 1 to 65535", text)
	}
	return portRange{first, last}, ""
}

func parsePort(text string) (int, bool) {
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' || n > allPorts.last {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	canonical := text == "0" || text != "" && text[0] != '0'
	return n, canonical && n <= allPorts.last
}

func (r portRange) includes(other portRange) bool {
	return r.first <= other.first && other.last <= r.last
}
