package route53

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/wire"
)

// Record is a resource record set of a zone, as a test or a resolver needs it.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html
type Record struct {
	// Name ends in a dot; an asterisk is written \052, as in replies.
	Name, Type string
	// TTL in seconds and Values are those of what is no alias.
	TTL    int64
	Values []string
	// AliasDNSName ends in a dot, and AliasZoneID is where it lies; both are empty
	// for what is no alias.
	AliasDNSName, AliasZoneID string

	// health says whether an alias evaluates the health of its target.
	health bool
}

type recordKey struct{ name, kind string }

func (r Record) key() recordKey { return recordKey{r.Name, r.Type} }

// equal ignores the order of values, as DNS does.
func (r Record) equal(x Record) bool {
	return r.key() == x.key() && r.TTL == x.TTL && r.AliasDNSName == x.AliasDNSName && r.AliasZoneID == x.AliasZoneID && r.health == x.health &&
		slices.Equal(slices.Sorted(slices.Values(r.Values)), slices.Sorted(slices.Values(x.Values)))
}

func (z *zone) put(r Record) { z.records[r.key()] = r }

// own says whether a record came with the zone and goes with it.
func (z *zone) own(k recordKey) bool { return k.name == z.name && (k.kind == "NS" || k.kind == "SOA") }

// sorted are the records as Route 53 orders them.
func (z *zone) sorted() []Record {
	return slices.SortedFunc(maps.Values(z.records), func(a, b Record) int { return compare(a.key(), b.key()) })
}

func compare(a, b recordKey) int {
	return cmp.Or(slices.Compare(labels(a.name), labels(b.name)), cmp.Compare(a.kind, b.kind))
}

// labels of a name from the last to the first.
func labels(name string) []string {
	out := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(out)
	return out
}

// domainName has its labels in lower case and what is not a letter, digit,
// hyphen or underscore in octal.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
var domainName = regexp.MustCompile(`^((?:[a-z0-9_-]|\\[0-7]{3}){1,63}\.)+$`)

// canonical is a name as Route 53 keeps it.
func canonical(name string) (string, bool) {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(name, ".")), "*", `\052`) + "."
	return name, len(name) <= 255 && domainName.MatchString(name)
}

type aliasTarget struct {
	strict
	HostedZoneID         string `xml:"HostedZoneId"`
	DNSName              string
	EvaluateTargetHealth *bool
}

type resourceRecord struct {
	strict
	Value string
}

type recordInput struct {
	strict
	Name            string
	Type            string
	TTL             *int64
	ResourceRecords struct {
		strict
		ResourceRecord []resourceRecord
	}
	AliasTarget *aliasTarget
}

type changeInput struct {
	strict
	Action            string
	ResourceRecordSet recordInput
}

type changeRecordsInput struct {
	strict
	ChangeBatch struct {
		strict
		Comment string
		Changes struct {
			strict
			Change []changeInput
		}
	}
}

// emulated are the types that can be changed, and others those of Route 53 that
// cannot.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
var (
	emulated = []string{"A", "AAAA", "CNAME", "TXT"}
	others   = []string{"CAA", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA"}
)

// maxChanges of a batch.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests-changeresourcerecordsets
const maxChanges = 1000

// changeRecords makes all changes of a batch or none. A batch may pass through
// what its end must not be, such as a CNAME beside what it replaces.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
func (s *Service) changeRecords(r *request, in changeRecordsInput) (any, error) {
	z, err := s.find(r)
	if err != nil {
		return nil, err
	}
	changes := in.ChangeBatch.Changes.Change
	if len(changes) == 0 {
		return nil, invalidInput("A batch has at least one change.")
	}
	if len(changes) > maxChanges {
		return nil, refuseBatch([]string{fmt.Sprintf("Number of records limit of %d exceeded.", maxChanges)})
	}
	next := &zone{id: z.id, name: z.name, records: maps.Clone(z.records)}
	var touched []Record
	var messages []string
	for _, change := range changes {
		record, message, err := next.decode(change)
		if err != nil {
			return nil, err
		}
		if message == "" {
			message = next.apply(change.Action, record)
		}
		if message != "" {
			messages = append(messages, message)
			continue
		}
		touched = append(touched, record)
	}
	for _, record := range touched {
		if now, ok := next.records[record.key()]; ok && now.equal(record) {
			if message := next.conflict(record); message != "" {
				messages = append(messages, message)
			}
		}
	}
	if len(messages) > 0 {
		return nil, refuseBatch(messages)
	}
	for _, key := range slices.SortedFunc(maps.Keys(next.records), compare) {
		if _, ok := z.records[key]; !ok {
			s.hub.Created(z.recordID(key))
		}
	}
	z.records = next.records
	return changeOutput{s.changed(r.Call, z, in.ChangeBatch.Comment)}, nil
}

// recordID names a record to the hub.
func (z *zone) recordID(k recordKey) string { return "route53:" + z.id + "/" + k.name + "/" + k.kind }

func refuseBatch(messages []string) *wire.Error {
	return &wire.Error{Code: invalidChangeBatch, Message: "[" + strings.Join(messages, ", ") + "]", Extra: map[string]any{"Messages": messages}}
}

// decode is the record of a change, or the message of a batch that must not have
// it.
func (z *zone) decode(change changeInput) (record Record, message string, err error) {
	in := change.ResourceRecordSet
	name, ok := canonical(in.Name)
	record = Record{Name: name, Type: in.Type}
	switch {
	case !slices.Contains([]string{"CREATE", "UPSERT", "DELETE"}, change.Action):
		return record, "", invalidInput("The action %q is none of CREATE, UPSERT and DELETE.", change.Action)
	case change.Action == "DELETE" && z.own(record.key()):
		return record, "A HostedZone must contain at least one NS record for the zone itself and exactly one SOA record.", nil
	case slices.Contains(others, in.Type):
		return record, "", notImplemented("a change of the type " + in.Type)
	case !slices.Contains(emulated, in.Type):
		return record, "", invalidInput("The type %q is not valid.", in.Type)
	case !ok:
		return record, fmt.Sprintf("FATAL problem: DomainLabelEmpty or DomainNameInvalid encountered with '%s'", in.Name), nil
	case name != z.name && !strings.HasSuffix(name, "."+z.name):
		return record, fmt.Sprintf("RRSet with DNS name %s is not permitted in zone %s", name, z.name), nil
	case in.Type == "CNAME" && name == z.name:
		return record, fmt.Sprintf("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s", name, z.name), nil
	}
	for _, value := range in.ResourceRecords.ResourceRecord {
		record.Values = append(record.Values, value.Value)
	}
	if in.AliasTarget != nil {
		return z.decodeAlias(record, in)
	}
	switch {
	case in.TTL == nil || len(record.Values) == 0:
		return record, "", invalidInput("Missing field: the record set %s has neither an AliasTarget nor a TTL and ResourceRecords.", name)
	case *in.TTL < 0 || *in.TTL > 1<<31-1:
		return record, "", invalidInput("The TTL %d is not between 0 and 2147483647.", *in.TTL)
	}
	record.TTL = *in.TTL
	return record, checkValues(record), nil
}

func (z *zone) decodeAlias(record Record, in recordInput) (Record, string, error) {
	target, ok := canonical(in.AliasTarget.DNSName)
	switch {
	case in.TTL != nil || len(record.Values) > 0:
		return record, "", invalidInput("The alias %s must have neither a TTL nor ResourceRecords.", record.Name)
	case in.AliasTarget.HostedZoneID == "" || in.AliasTarget.EvaluateTargetHealth == nil:
		return record, "", invalidInput("The target of the alias %s needs a HostedZoneId and EvaluateTargetHealth.", record.Name)
	case !ok:
		return record, fmt.Sprintf("The alias target name %s is not valid", in.AliasTarget.DNSName), nil
	}
	record.AliasDNSName, record.AliasZoneID, record.health = target, strings.TrimPrefix(in.AliasTarget.HostedZoneID, "/hostedzone/"), *in.AliasTarget.EvaluateTargetHealth
	return record, "", nil
}

// text is one or more strings in quotation marks.
var text = regexp.MustCompile(`^"([^"\\]|\\.){0,255}"(\s+"([^"\\]|\\.){0,255}")*$`)

// checkValues refuses values that are not of the type of a record.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
func checkValues(r Record) string {
	invalid := func(problem, value string) string {
		return fmt.Sprintf("Invalid Resource Record: 'FATAL problem: %s encountered with '%s''", problem, value)
	}
	for i, value := range r.Values {
		address, err := netip.ParseAddr(value)
		_, name := canonical(value)
		switch {
		case slices.Contains(r.Values[:i], value):
			return fmt.Sprintf("Duplicate Resource Record: '%s'", value)
		case r.Type == "A" && (err != nil || !address.Is4()):
			return invalid("ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)", value)
		case r.Type == "AAAA" && (err != nil || !address.Is6() || address.Zone() != ""):
			return invalid("AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)", value)
		case r.Type == "CNAME" && !name:
			return invalid("CNAMERRDATANotFQDN (Value is not a valid domain name)", value)
		case r.Type == "CNAME" && i > 0:
			return invalid("CNAMERRSetTooManyRRs (A CNAME record set has one value)", value)
		case r.Type == "TXT" && !text.MatchString(value):
			return invalid("InvalidCharacterString (Value should be enclosed in quotation marks)", value)
		}
	}
	return ""
}

// apply makes one change, or answers why it cannot.
func (z *zone) apply(action string, r Record) string {
	old, ok := z.records[r.key()]
	switch {
	case action == "CREATE" && ok:
		return fmt.Sprintf("Tried to create resource record set [name='%s', type='%s'] but it already exists", r.Name, r.Type)
	case action == "DELETE" && !ok:
		return fmt.Sprintf("Tried to delete resource record set [name='%s', type='%s'] but it was not found", r.Name, r.Type)
	case action == "DELETE" && !old.equal(r):
		return fmt.Sprintf("Tried to delete resource record set [name='%s', type='%s'] but the values provided do not match the current values", r.Name, r.Type)
	case action == "DELETE":
		delete(z.records, r.key())
	default:
		z.put(r)
	}
	return ""
}

// conflict says why a record must not be beside the others.
func (z *zone) conflict(r Record) string {
	for key := range z.records {
		if key.name == r.Name && key.kind != r.Type && (key.kind == "CNAME" || r.Type == "CNAME") {
			return fmt.Sprintf("RRSet of type %s with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone %s", r.Type, r.Name, z.name)
		}
	}
	if r.AliasZoneID != z.id {
		return ""
	}
	if _, ok := z.records[recordKey{r.AliasDNSName, r.Type}]; !ok {
		return fmt.Sprintf("Tried to create an alias that targets %s, type %s in zone %s, but that target was not found", r.AliasDNSName, r.Type, z.id)
	}
	return ""
}

type recordOutput struct {
	Name            string
	Type            string
	TTL             *int64
	ResourceRecords *recordsOutput
	AliasTarget     *aliasOutput
}

type recordsOutput struct{ ResourceRecord []struct{ Value string } }

type aliasOutput struct {
	HostedZoneID         string `xml:"HostedZoneId"`
	DNSName              string
	EvaluateTargetHealth bool
}

func (r Record) output() recordOutput {
	out := recordOutput{Name: r.Name, Type: r.Type}
	if r.AliasDNSName != "" {
		out.AliasTarget = &aliasOutput{r.AliasZoneID, r.AliasDNSName, r.health}
		return out
	}
	out.TTL, out.ResourceRecords = &r.TTL, &recordsOutput{}
	for _, value := range r.Values {
		out.ResourceRecords.ResourceRecord = append(out.ResourceRecords.ResourceRecord, struct{ Value string }{value})
	}
	return out
}

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
func (s *Service) listRecords(r *request, _ none) (any, error) {
	z, err := s.find(r)
	if err != nil {
		return nil, err
	}
	size, err := r.maxItems(300)
	if err != nil {
		return nil, err
	}
	first := recordKey{kind: r.query.Get("type")}
	if name := r.query.Get("name"); name != "" {
		valid := false
		if first.name, valid = canonical(name); !valid {
			return nil, invalidInput("The name %q is not valid.", name)
		}
	}
	switch {
	case first.kind != "" && first.name == "":
		return nil, invalidInput("The input is not valid because name must be specified when type is specified.")
	case first.kind != "" && !slices.Contains(emulated, first.kind) && !slices.Contains(others, first.kind):
		return nil, invalidInput("The type %q is not valid.", first.kind)
	}
	type sets struct{ ResourceRecordSet []recordOutput }
	out := struct {
		IsTruncated        bool
		MaxItems           int
		NextRecordName     string `xml:",omitempty"`
		NextRecordType     string `xml:",omitempty"`
		ResourceRecordSets sets
	}{MaxItems: size}
	for _, record := range z.sorted() {
		if first.name != "" && compare(record.key(), first) < 0 || !s.hub.Visible(z.recordID(record.key())) {
			continue
		}
		if len(out.ResourceRecordSets.ResourceRecordSet) == size {
			out.IsTruncated, out.NextRecordName, out.NextRecordType = true, record.Name, record.Type
			break
		}
		out.ResourceRecordSets.ResourceRecordSet = append(out.ResourceRecordSets.ResourceRecordSet, record.output())
	}
	return out, nil
}
