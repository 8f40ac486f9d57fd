// Package route53 emulates the hosted zones of Amazon Route 53 with their
// records, the VPCs they are associated with and their tags. It answers no DNS.
//
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations_Amazon_Route_53.html
package route53

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// Service is the emulated Route 53 of one account, which has no regions, to be
// served to the clients of AWS and inspected by tests. It is safe for concurrent
// use.
// https://docs.aws.amazon.com/Route53/latest/APIReference/Welcome.html
type Service struct {
	hub     *wire.Hub
	account string

	mu sync.Mutex
	// zones by id, without /hostedzone/.
	zones map[string]*zone
	// references of callers, which a deleted zone does not give back.
	references map[string]bool
	// changes by id, without /change/.
	changes map[string]changeInfo
	// made counts what ids were made of.
	made map[string]int
	// reserved are the ids of the next zones.
	reserved []string
}

type zone struct {
	id, name  string
	reference string
	comment   string
	private   bool
	vpcs      []VPC
	tags      map[string]string
	records   map[recordKey]Record
}

// Zone is a hosted zone as it is, whatever calls see of it, for tests and
// inventories.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_HostedZone.html
type Zone struct {
	// ID begins with Z.
	ID string
	// Name ends in a dot.
	Name    string
	Private bool
	// VPCs in the order of their association.
	VPCs []VPC
	Tags map[string]string
	// Records in the order of ListResourceRecordSets, with SOA and NS.
	Records []Record
}

// VPC is a network that resolves the names of a private zone.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_VPC.html
type VPC struct{ Region, ID string }

// New returns a Route 53 without zones, as a new account has it.
// https://docs.aws.amazon.com/Route53/latest/APIReference/Welcome.html
func New(hub *wire.Hub, account string) *Service {
	return &Service{
		hub: hub, account: account, zones: map[string]*zone{}, references: map[string]bool{}, changes: map[string]changeInfo{}, made: map[string]int{},
	}
}

// Zones are the hosted zones by id, so that tests can tell what is left.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html
func (s *Service) Zones() []Zone {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Zone
	for _, id := range slices.Sorted(maps.Keys(s.zones)) {
		z := s.zones[id]
		x := Zone{ID: id, Name: z.name, Private: z.private, VPCs: slices.Clone(z.vpcs), Tags: maps.Clone(z.tags)}
		for _, r := range z.sorted() {
			r.Values = slices.Clone(r.Values)
			x.Records = append(x.Records, r)
		}
		out = append(out, x)
	}
	return out
}

// Reserve keeps ids for the next zones, in order: what somebody names in advance
// is then made by ordinary calls.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html
func (s *Service) Reserve(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved = append(s.reserved, ids...)
}

// namespace of the documents.
const namespace = "https://route53.amazonaws.com/doc/2013-04-01/"

// Wire is the service as the router serves it.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations_Amazon_Route_53.html
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "route53", Protocol: wire.REST, Namespace: namespace, Route: route, Fail: fail, Operations: map[string]wire.Operation{
		"CreateHostedZone":              serve(s, s.createHostedZone),
		"GetHostedZone":                 serve(s, s.getHostedZone),
		"ListHostedZonesByName":         serve(s, s.listHostedZonesByName, "dnsname", "hostedzoneid", "maxitems"),
		"ListHostedZonesByVPC":          serve(s, s.listHostedZonesByVPC, "vpcid", "vpcregion", "maxitems", "nexttoken"),
		"DeleteHostedZone":              serve(s, s.deleteHostedZone),
		"AssociateVPCWithHostedZone":    serve(s, s.associateVPC),
		"DisassociateVPCFromHostedZone": serve(s, s.disassociateVPC),
		"ChangeResourceRecordSets":      serve(s, s.changeRecords),
		"ListResourceRecordSets":        serve(s, s.listRecords, "name", "type", "maxitems"),
		"ChangeTagsForResource":         serve(s, s.changeTags),
		"ListTagsForResource":           serve(s, s.listTags),
		"GetChange":                     serve(s, s.getChange),
	}}
}

const root = "/2013-04-01/"

// actions by method and path, in which {} is an id.
var actions = map[string]string{
	"POST hostedzone":                    "CreateHostedZone",
	"GET hostedzone/{}":                  "GetHostedZone",
	"DELETE hostedzone/{}":               "DeleteHostedZone",
	"GET hostedzonesbyname":              "ListHostedZonesByName",
	"GET hostedzonesbyvpc":               "ListHostedZonesByVPC",
	"POST hostedzone/{}/rrset":           "ChangeResourceRecordSets",
	"GET hostedzone/{}/rrset":            "ListResourceRecordSets",
	"POST hostedzone/{}/associatevpc":    "AssociateVPCWithHostedZone",
	"POST hostedzone/{}/disassociatevpc": "DisassociateVPCFromHostedZone",
	"POST tags/hostedzone/{}":            "ChangeTagsForResource",
	"GET tags/hostedzone/{}":             "ListTagsForResource",
	"GET change/{}":                      "GetChange",
}

// address is the pattern of a request's path and the id in it.
func address(r *http.Request) (pattern, id string) {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, root), "/"), "/")
	at := 1
	if parts[0] == "tags" {
		at = 2
	}
	if len(parts) > at {
		id, parts[at] = parts[at], "{}"
	}
	return strings.Join(parts, "/"), id
}

// route names the action of a request. One that is not emulated is named by its
// method and path.
func route(r *http.Request) string {
	pattern, _ := address(r)
	name := r.Method + " " + pattern
	if action, ok := actions[name]; ok && strings.HasPrefix(r.URL.Path, root) {
		return action
	}
	return name
}

// request is a call whose address has been decoded.
type request struct {
	*wire.Call
	id    string
	query url.Values
}

// none is the input of what takes no document.
type none struct{}

// serve decodes the input of a call, of which it knows every member, and serves
// it while nothing else changes.
func serve[In any](s *Service, op func(*request, In) (any, error), parameters ...string) wire.Operation {
	return func(c *wire.Call) (any, error) {
		var in In
		if _, empty := any(in).(none); !empty {
			if err := xml.Unmarshal(c.Body, &in); err != nil {
				return nil, invalidInput("the input of %s is not understood: %v", c.Action, err)
			}
		}
		r := &request{Call: c, query: c.HTTP.URL.Query()}
		_, r.id = address(c.HTTP)
		for name := range r.query {
			if !slices.Contains(parameters, name) {
				return nil, invalidInput("the parameter %s of %s is not understood", name, c.Action)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		out, err := op(r, in)
		if err != nil {
			return nil, err
		}
		return document(c, out), nil
	}
}

// strict makes a struct refuse the elements that it does not name.
type strict struct {
	Unknown refused `xml:",any"`
}

type refused struct{}

// UnmarshalXML refuses the element.
func (*refused) UnmarshalXML(_ *xml.Decoder, start xml.StartElement) error {
	return fmt.Errorf("unknown member %q", start.Name.Local)
}

// located is an output that comes with the address of what was created.
type located interface{ location() string }

// document is a reply with an output.
func document(c *wire.Call, out any) *wire.Response {
	var body bytes.Buffer
	body.WriteString(xml.Header)
	start := xml.StartElement{
		Name: xml.Name{Local: c.Action + "Response"}, Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}},
	}
	if err := xml.NewEncoder(&body).EncodeElement(out, start); err != nil {
		panic(fmt.Sprintf("encoding %T: %v", out, err))
	}
	reply := &wire.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/xml"}}, Body: body.Bytes()}
	if l, ok := out.(located); ok {
		reply.Status = http.StatusCreated
		reply.Header.Set("Location", "https://route53.amazonaws.com"+strings.TrimSuffix(root, "/")+l.location())
	}
	return reply
}

// invalidChangeBatch is a code whose document has another form than the rest.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html#API_ChangeResourceRecordSets_Errors
const invalidChangeBatch = "InvalidChangeBatch"

// fail encodes an error.
func fail(c *wire.Call, e *wire.Error) *wire.Response {
	reply := &wire.Response{Status: e.Status, Header: http.Header{"Content-Type": {"text/xml"}}}
	if reply.Status == 0 {
		reply.Status = http.StatusBadRequest
	}
	var doc any
	if messages, ok := e.Extra["Messages"].([]string); ok {
		doc = struct {
			XMLName   xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ InvalidChangeBatch"`
			Messages  []string `xml:"Messages>Message"`
			RequestID string   `xml:"RequestId"`
		}{Messages: messages, RequestID: c.RequestID}
	} else {
		blame := "Sender"
		if reply.Status >= http.StatusInternalServerError {
			blame = "Receiver"
		}
		doc = struct {
			XMLName   xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ErrorResponse"`
			Type      string   `xml:"Error>Type"`
			Code      string   `xml:"Error>Code"`
			Message   string   `xml:"Error>Message"`
			RequestID string   `xml:"RequestId"`
		}{Type: blame, Code: e.Code, Message: e.Message, RequestID: c.RequestID}
	}
	text, err := xml.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", doc, err))
	}
	reply.Body = append([]byte(xml.Header), text...)
	return reply
}

func invalidInput(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "InvalidInput", Message: fmt.Sprintf(format, args...)}
}

func notImplemented(what string) *wire.Error {
	return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "route53: " + what + " is not emulated"}
}

const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// newID makes an id of what it is for, so that the order in which other things
// are made does not matter.
func (s *Service) newID(initial, purpose string) string {
	purpose = initial + " " + purpose
	s.made[purpose]++
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%s %d", s.account, purpose, s.made[purpose]))
	id := []byte(initial)
	for _, b := range h[:20] {
		id = append(id, idCharacters[int(b)%len(idCharacters)])
	}
	return string(id)
}

// visible says whether a call sees an object: one that reads does not see what
// is too fresh.
func (s *Service) visible(c *wire.Call, id string) bool {
	return wire.Mutating(c.Action) || s.hub.Visible("route53:"+id)
}

// find is the zone that a request is about.
func (s *Service) find(r *request) (*zone, error) {
	z, ok := s.zones[r.id]
	if !ok || !s.visible(r.Call, r.id) {
		return nil, &wire.Error{Status: http.StatusNotFound, Code: "NoSuchHostedZone", Message: "No hosted zone found with ID: " + r.id}
	}
	return z, nil
}

// maxItems is the size of a page; a larger one than there is is not refused.
func (r *request) maxItems(most int) (int, error) {
	text := r.query.Get("maxitems")
	if text == "" {
		return most, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, invalidInput("MaxItems must be a positive number, not %q", text)
	}
	return min(n, most), nil
}

type changeInfo struct {
	ID          string `xml:"Id"`
	Status      string
	SubmittedAt string
	Comment     string `xml:",omitempty"`
}

type changeOutput struct{ ChangeInfo changeInfo }

// changed records a change. Replies call it pending, as they do in AWS.
func (s *Service) changed(c *wire.Call, z *zone, comment string) changeInfo {
	id := s.newID("C", z.id)
	info := changeInfo{ID: "/change/" + id, Status: "PENDING", SubmittedAt: c.Time.UTC().Format(time.RFC3339Nano), Comment: comment}
	s.changes[id] = info
	return info
}

// getChange finds every change in sync.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html
func (s *Service) getChange(r *request, _ none) (any, error) {
	info, ok := s.changes[r.id]
	if !ok {
		return nil, &wire.Error{Status: http.StatusNotFound, Code: "NoSuchChange", Message: "Could not find resource with ID: " + r.id}
	}
	info.Status = "INSYNC"
	return changeOutput{info}, nil
}

type tag struct {
	strict
	Key   string
	Value string
}

type changeTagsInput struct {
	strict
	AddTags struct {
		strict
		Tag []tag
	}
	RemoveTagKeys struct {
		strict
		Key []string
	}
}

// maxChangedTags of a call and maxTags of a zone.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html
const (
	maxChangedTags = 10
	maxTags        = 50
)

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html
func (s *Service) changeTags(r *request, in changeTagsInput) (any, error) {
	z, err := s.find(r)
	if err != nil {
		return nil, err
	}
	add, remove := in.AddTags.Tag, in.RemoveTagKeys.Key
	switch {
	case len(add)+len(remove) == 0:
		return nil, invalidInput("Tags must be added or removed.")
	case len(add) > maxChangedTags || len(remove) > maxChangedTags:
		return nil, invalidInput("A call adds at most %d tags and removes as many.", maxChangedTags)
	}
	tags, seen := maps.Clone(z.tags), map[string]bool{}
	for _, t := range add {
		switch {
		case t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256:
			return nil, invalidInput("The tag %q is too short or too long.", t.Key)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return nil, invalidInput("The tag %q has the reserved prefix aws:.", t.Key)
		case seen[t.Key] || slices.Contains(remove, t.Key):
			return nil, invalidInput("The tag %q is given twice.", t.Key)
		}
		seen[t.Key] = true
		tags[t.Key] = t.Value
	}
	for _, name := range remove {
		delete(tags, name)
	}
	if len(tags) > maxTags {
		return nil, invalidInput("A hosted zone has at most %d tags.", maxTags)
	}
	z.tags = tags
	return none{}, nil
}

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListTagsForResource.html
func (s *Service) listTags(r *request, _ none) (any, error) {
	z, err := s.find(r)
	if err != nil {
		return nil, err
	}
	type entry struct{ Key, Value string }
	type set struct {
		ResourceType string
		ResourceID   string `xml:"ResourceId"`
		Tags         struct{ Tag []entry }
	}
	out := struct{ ResourceTagSet set }{set{ResourceType: "hostedzone", ResourceID: z.id}}
	for _, name := range slices.Sorted(maps.Keys(z.tags)) {
		out.ResourceTagSet.Tags.Tag = append(out.ResourceTagSet.Tags.Tag, entry{name, z.tags[name]})
	}
	return out, nil
}
