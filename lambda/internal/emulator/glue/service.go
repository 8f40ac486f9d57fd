// Package glue emulates the databases of the AWS Glue Data Catalog.
package glue

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"lakegate/lambda/internal/emulator/wire"
)

// Service is the emulated catalog of one account in all regions. It is safe for
// concurrent use.
type Service struct {
	hub     *wire.Hub
	account string

	mu sync.Mutex
	// databases by region, sorted by name.
	databases map[string][]database
}

type database struct {
	Name        string            `json:"Name"`
	Description string            `json:"Description,omitempty"`
	LocationURI string            `json:"LocationUri,omitempty"`
	Parameters  map[string]string `json:"Parameters,omitempty"`
	CatalogID   string            `json:"CatalogId"`
	CreateTime  float64           `json:"CreateTime"`
}

// New returns a catalog without databases.
func New(hub *wire.Hub, account string) *Service {
	return &Service{hub: hub, account: account, databases: map[string][]database{}}
}

// Wire is the service as the router serves it.
// https://docs.aws.amazon.com/glue/latest/webapi/API_Operations.html
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "glue", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"CreateDatabase": serve(s, s.createDatabase),
		"GetDatabase":    serve(s, s.getDatabase),
		"GetDatabases":   serve(s, s.getDatabases),
		"DeleteDatabase": serve(s, s.deleteDatabase),
	}}
}

// Databases returns the names of the databases of a region, sorted.
func (s *Service) Databases(region string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, d := range s.databases[region] {
		names = append(names, d.Name)
	}
	return names
}

// Add creates a database, if there is none of that name.
func (s *Service) Add(region, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.find(region, name); !exists {
		s.insert(region, database{Name: name})
	}
}

func (s *Service) find(region, name string) (int, bool) {
	return slices.BinarySearchFunc(s.databases[region], name, func(d database, name string) int {
		return strings.Compare(d.Name, name)
	})
}

func (s *Service) insert(region string, d database) {
	d.CatalogID, d.CreateTime = s.account, float64(s.hub.Clock.Now().Unix())
	i, _ := s.find(region, d.Name)
	s.databases[region] = slices.Insert(s.databases[region], i, d)
	s.hub.Created(region + "/" + d.Name)
}

func serve[In any](s *Service, op func(*wire.Call, In) (any, error)) wire.Operation {
	return func(c *wire.Call) (any, error) {
		var in In
		decoder := json.NewDecoder(bytes.NewReader(c.Body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			return nil, &wire.Error{Code: "SerializationException", Message: fmt.Sprintf("the input of %s is not understood: %v", c.Action, err)}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return op(c, in)
	}
}

func refuse(code, format string, args ...any) error {
	return &wire.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (s *Service) checkCatalog(id string) error {
	if id != "" && id != s.account {
		return refuse("EntityNotFoundException", "Catalog %s not found.", id)
	}
	return nil
}

var name = regexp.MustCompile(`^[\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\t]{1,255}$`)

type createDatabaseInput struct {
	CatalogID     string `json:"CatalogId"`
	DatabaseInput struct {
		Name        string
		Description string
		LocationURI string `json:"LocationUri"`
		Parameters  map[string]string
	}
}

func (s *Service) createDatabase(c *wire.Call, in createDatabaseInput) (any, error) {
	if err := s.checkCatalog(in.CatalogID); err != nil {
		return nil, err
	}
	// The catalog folds names to lower case.
	d := database{
		Name: strings.ToLower(in.DatabaseInput.Name), Description: in.DatabaseInput.Description,
		LocationURI: in.DatabaseInput.LocationURI, Parameters: in.DatabaseInput.Parameters,
	}
	if !name.MatchString(d.Name) {
		return nil, refuse("InvalidInputException", "Database name %q is not valid.", d.Name)
	}
	if _, exists := s.find(c.Region, d.Name); exists {
		return nil, refuse("AlreadyExistsException", "Database already exists.")
	}
	s.insert(c.Region, d)
	return struct{}{}, nil
}

type databaseInput struct {
	CatalogID string `json:"CatalogId"`
	Name      string
}

func (s *Service) getDatabase(c *wire.Call, in databaseInput) (any, error) {
	i, err := s.look(c, in)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Database": s.databases[c.Region][i]}, nil
}

func (s *Service) look(c *wire.Call, in databaseInput) (int, error) {
	if err := s.checkCatalog(in.CatalogID); err != nil {
		return 0, err
	}
	i, exists := s.find(c.Region, strings.ToLower(in.Name))
	if !exists || !s.hub.Visible(c.Region+"/"+s.databases[c.Region][i].Name) {
		return 0, refuse("EntityNotFoundException", "Database %s not found.", in.Name)
	}
	return i, nil
}

func (s *Service) deleteDatabase(c *wire.Call, in databaseInput) (any, error) {
	i, err := s.look(c, in)
	if err != nil {
		return nil, err
	}
	s.databases[c.Region] = slices.Delete(s.databases[c.Region], i, i+1)
	return struct{}{}, nil
}

// pageSize is the most that one reply holds.
const pageSize = 100

type getDatabasesInput struct {
	CatalogID         string `json:"CatalogId"`
	MaxResults        int
	NextToken         string
	ResourceShareType string
}

func (s *Service) getDatabases(c *wire.Call, in getDatabasesInput) (any, error) {
	if err := s.checkCatalog(in.CatalogID); err != nil {
		return nil, err
	}
	if in.MaxResults < 0 || in.MaxResults > pageSize {
		return nil, refuse("InvalidInputException", "MaxResults must be 1 to %d.", pageSize)
	}
	if in.ResourceShareType != "" {
		return nil, &wire.Error{Status: 501, Code: "NotImplemented", Message: "ResourceShareType is not emulated"}
	}
	size := in.MaxResults
	if size == 0 {
		size = pageSize
	}
	after, err := base64.StdEncoding.DecodeString(in.NextToken)
	if err != nil {
		return nil, refuse("InvalidInputException", "NextToken is not valid.")
	}
	out := struct {
		DatabaseList []database
		NextToken    string `json:"NextToken,omitempty"`
	}{DatabaseList: []database{}}
	for _, d := range s.databases[c.Region] {
		if d.Name <= string(after) || !s.hub.Visible(c.Region+"/"+d.Name) {
			continue
		}
		if len(out.DatabaseList) == size {
			out.NextToken = base64.StdEncoding.EncodeToString([]byte(out.DatabaseList[size-1].Name))
			break
		}
		out.DatabaseList = append(out.DatabaseList, d)
	}
	return out, nil
}
