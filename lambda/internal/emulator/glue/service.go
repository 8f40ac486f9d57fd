// Package glue emulates the Data Catalog of AWS Glue as far as its databases:
// they have no tables.
//
// https://docs.aws.amazon.com/glue/latest/webapi/API_Operations.html
package glue

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"lakegate/lambda/internal/emulator/wire"
)

// Service is the emulated Glue of one account in all regions. It is safe for
// concurrent use.
type Service struct {
	hub     *wire.Hub
	account string

	mu        sync.Mutex
	databases map[place]*database
}

type place struct{ region, name string }

type database struct {
	databaseInput
	created time.Time
}

// New returns a Glue without databases.
func New(hub *wire.Hub, account string) *Service {
	return &Service{hub: hub, account: account, databases: map[place]*database{}}
}

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "glue", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"CreateDatabase": wire.Decoded(&s.mu, s.createDatabase),
		"GetDatabase":    wire.Decoded(&s.mu, s.getDatabase),
		"GetDatabases":   wire.Decoded(&s.mu, s.getDatabases),
		"DeleteDatabase": wire.Decoded(&s.mu, s.deleteDatabase),
		"GetTables":      wire.Decoded(&s.mu, s.getTables),
	}}
}

// Databases are the names of the databases of a region in their order.
func (s *Service) Databases(region string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names(region)
}

func (s *Service) names(region string) []string {
	var out []string
	for at := range s.databases {
		if at.region == region {
			out = append(out, at.name)
		}
	}
	slices.Sort(out)
	return out
}

// Add creates a database that every read sees at once, unless it is there.
func (s *Service) Add(region, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{region, strings.ToLower(name)}
	if _, ok := s.databases[at]; !ok {
		s.databases[at] = &database{databaseInput: databaseInput{Name: at.name}, created: s.hub.Clock.Now()}
	}
}

func notFound(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "EntityNotFoundException", Message: fmt.Sprintf(format, args...)}
}

func invalid(value, member, constraint string) *wire.Error {
	return &wire.Error{Code: "InvalidInputException", Message: fmt.Sprintf(
		"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint)}
}

// singleLine is the pattern of names: no control characters, no line breaks.
// https://docs.aws.amazon.com/glue/latest/webapi/API_DatabaseInput.html
var singleLine = regexp.MustCompile(`^[\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\t]*$`)

// name checks and folds the name of a database: the Data Catalog keeps names in
// lower case, as Hive does.
func name(member, text string) (string, error) {
	switch n := utf8.RuneCountInString(text); {
	case n < 1:
		return "", invalid(text, member, "Member must have length greater than or equal to 1")
	case n > 255:
		return "", invalid(text, member, "Member must have length less than or equal to 255")
	case !singleLine.MatchString(text):
		return "", invalid(text, member, "Member must satisfy regular expression pattern: "+
			`[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*`)
	}
	return strings.ToLower(text), nil
}

// catalog refuses the Data Catalogs of other accounts.
func (s *Service) catalog(id string) error {
	if id != "" && id != s.account {
		return notFound("Catalog %s not found.", id)
	}
	return nil
}

// visible says whether a call sees a database: one that reads does not see what
// is too fresh.
func (s *Service) visible(c *wire.Call, at place) bool {
	return wire.Mutating(c.Action) || s.hub.Visible(at.id())
}

func (at place) id() string { return "glue:" + at.region + "/" + at.name }

func (s *Service) find(c *wire.Call, catalog, member, text string) (place, *database, error) {
	folded, err := name(member, text)
	if err != nil {
		return place{}, nil, err
	}
	if err := s.catalog(catalog); err != nil {
		return place{}, nil, err
	}
	at := place{c.Region, folded}
	d, ok := s.databases[at]
	if !ok || !s.visible(c, at) {
		return place{}, nil, notFound("Database %s not found.", folded)
	}
	return at, d, nil
}

type databaseInput struct {
	Name        string
	Description string            `json:",omitempty"`
	LocationURI string            `json:"LocationUri,omitempty"`
	Parameters  map[string]string `json:",omitempty"`
}

type createDatabaseInput struct {
	CatalogID     string `json:"CatalogId"`
	DatabaseInput databaseInput
}

// https://docs.aws.amazon.com/glue/latest/webapi/API_CreateDatabase.html
func (s *Service) createDatabase(c *wire.Call, in createDatabaseInput) (any, error) {
	folded, err := name("databaseInput.name", in.DatabaseInput.Name)
	if err != nil {
		return nil, err
	}
	if err := s.catalog(in.CatalogID); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(in.DatabaseInput.Description) > 2048 {
		return nil, invalid(in.DatabaseInput.Description, "databaseInput.description", "Member must have length less than or equal to 2048")
	}
	at := place{c.Region, folded}
	if _, ok := s.databases[at]; ok {
		return nil, &wire.Error{Code: "AlreadyExistsException", Message: "Database already exists."}
	}
	d := &database{in.DatabaseInput, c.Time}
	d.Name = folded
	s.databases[at] = d
	s.hub.Created(at.id())
	return nil, nil
}

// description is a database as replies tell of it.
type description struct {
	databaseInput
	CatalogID  string `json:"CatalogId"`
	CreateTime float64
}

func (s *Service) describe(d *database) description {
	return description{d.databaseInput, s.account, float64(d.created.UnixMilli()) / 1000}
}

type databaseNameInput struct {
	CatalogID string `json:"CatalogId"`
	Name      string
}

// https://docs.aws.amazon.com/glue/latest/webapi/API_GetDatabase.html
func (s *Service) getDatabase(c *wire.Call, in databaseNameInput) (any, error) {
	_, d, err := s.find(c, in.CatalogID, "name", in.Name)
	if err != nil {
		return nil, err
	}
	return struct{ Database description }{s.describe(d)}, nil
}

// https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteDatabase.html
func (s *Service) deleteDatabase(c *wire.Call, in databaseNameInput) (any, error) {
	at, _, err := s.find(c, in.CatalogID, "name", in.Name)
	if err != nil {
		return nil, err
	}
	delete(s.databases, at)
	return nil, nil
}

// page is what lists have in common.
type page struct {
	MaxResults *int
	NextToken  string
}

// read checks the size of a page and finds the name after which it begins.
func (p page) read() (size int, after string, err error) {
	size = 100
	if p.MaxResults != nil {
		size = *p.MaxResults
	}
	if size < 1 || size > 100 {
		return 0, "", invalid(fmt.Sprint(size), "maxResults", "Member must have value between 1 and 100")
	}
	text, err := base64.StdEncoding.DecodeString(p.NextToken)
	if err != nil {
		return 0, "", &wire.Error{Code: "InvalidInputException", Message: "Invalid NextToken."}
	}
	return size, string(text), nil
}

type getDatabasesInput struct {
	CatalogID string `json:"CatalogId"`
	page
}

// getDatabases lists the databases by name. A token is the last name of a page,
// so that databases that come or go between two pages shift nothing.
// https://docs.aws.amazon.com/glue/latest/webapi/API_GetDatabases.html
func (s *Service) getDatabases(c *wire.Call, in getDatabasesInput) (any, error) {
	size, after, err := in.read()
	if err != nil {
		return nil, err
	}
	if err := s.catalog(in.CatalogID); err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(s.names(c.Region), func(name string) bool {
		return name <= after || !s.visible(c, place{c.Region, name})
	})
	out := struct {
		DatabaseList []description
		NextToken    string `json:",omitempty"`
	}{DatabaseList: []description{}}
	for _, name := range names[:min(size, len(names))] {
		out.DatabaseList = append(out.DatabaseList, s.describe(s.databases[place{c.Region, name}]))
	}
	if size < len(names) {
		out.NextToken = base64.StdEncoding.EncodeToString([]byte(names[size-1]))
	}
	return out, nil
}

type getTablesInput struct {
	CatalogID    string `json:"CatalogId"`
	DatabaseName string
	Expression   string
	page
}

// https://docs.aws.amazon.com/glue/latest/webapi/API_GetTables.html
func (s *Service) getTables(c *wire.Call, in getTablesInput) (any, error) {
	if _, _, err := in.read(); err != nil {
		return nil, err
	}
	if _, _, err := s.find(c, in.CatalogID, "databaseName", in.DatabaseName); err != nil {
		return nil, err
	}
	return struct{ TableList []struct{} }{[]struct{}{}}, nil
}
