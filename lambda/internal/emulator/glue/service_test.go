package glue_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsglue "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/glue"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type stack struct {
	hub     *wire.Hub
	service *glue.Service
	reach   func(region string) aws.Config
}

var want = wiretest.Want

func newStack(t *testing.T) (*stack, *awsglue.Client) {
	t.Helper()
	k := &stack{hub: wire.NewHub(clock.NewVirtual(start))}
	k.service = glue.New(k.hub, account)
	k.reach = wiretest.Serve(t, k.hub, k.service.Wire())
	return k, k.client(region)
}

func (k *stack) client(region string) *awsglue.Client { return awsglue.NewFromConfig(k.reach(region)) }

func create(name string) *awsglue.CreateDatabaseInput {
	return &awsglue.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{Name: &name}}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	ctx := t.Context()
	in := create("Sales")
	in.CatalogId = aws.String(account)
	in.DatabaseInput.Description, in.DatabaseInput.LocationUri = aws.String("all sales"), aws.String("s3://sales/")
	in.DatabaseInput.Parameters = map[string]string{"a": "1"}
	_, err := client.CreateDatabase(ctx, in)
	want(t, err, "")
	_, err = client.CreateDatabase(ctx, create("sales"))
	want(t, err, "AlreadyExistsException")
	_, err = k.client("us-east-1").CreateDatabase(ctx, create("sales"))
	want(t, err, "")
	for _, name := range []string{"sales", "SALES"} {
		got, err := client.GetDatabase(ctx, &awsglue.GetDatabaseInput{Name: &name})
		want(t, err, "")
		d := got.Database
		if *d.Name != "sales" || *d.Description != "all sales" || *d.LocationUri != "s3://sales/" || d.Parameters["a"] != "1" ||
			*d.CatalogId != account || !d.CreateTime.Equal(start) {
			t.Errorf("got %+v", d)
		}
	}
	tables, err := client.GetTables(ctx, &awsglue.GetTablesInput{DatabaseName: aws.String("sales"), MaxResults: aws.Int32(1)})
	want(t, err, "")
	if len(tables.TableList) != 0 || tables.NextToken != nil {
		t.Errorf("got %+v", tables)
	}
	_, err = client.DeleteDatabase(ctx, &awsglue.DeleteDatabaseInput{Name: aws.String("sales")})
	want(t, err, "")
	if diff := cmp.Diff([]string{"sales"}, k.service.Databases("us-east-1")); diff != "" || len(k.service.Databases(region)) != 0 {
		t.Error(diff, k.service.Databases(region))
	}
	_, err = client.CreateDatabase(ctx, create("sales"))
	want(t, err, "")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	k.service.Add(region, "here")
	k.service.Add("us-east-1", "elsewhere")
	for _, c := range []struct {
		name, catalog, want string
	}{
		{"here", "", ""},
		{"elsewhere", "", "EntityNotFoundException"},
		{"here", "999999999999", "EntityNotFoundException"},
		{"", "", "InvalidInputException"},
		{strings.Repeat("é", 256), "", "InvalidInputException"},
		{strings.Repeat("é", 255), "", "EntityNotFoundException"},
		{"a\nb", "", "InvalidInputException"},
	} {
		var catalog *string
		if c.catalog != "" {
			catalog = &c.catalog
		}
		_, err := client.GetDatabase(t.Context(), &awsglue.GetDatabaseInput{Name: &c.name, CatalogId: catalog})
		want(t, err, c.want)
		_, err = client.GetTables(t.Context(), &awsglue.GetTablesInput{DatabaseName: &c.name, CatalogId: catalog})
		want(t, err, c.want)
		if c.want != "" {
			_, err = client.DeleteDatabase(t.Context(), &awsglue.DeleteDatabaseInput{Name: &c.name, CatalogId: catalog})
			want(t, err, c.want)
		}
		if c.want == "InvalidInputException" || catalog != nil {
			in := create(c.name)
			in.CatalogId = catalog
			_, err = client.CreateDatabase(t.Context(), in)
			want(t, err, c.want)
		}
	}
	for _, c := range []struct {
		in   awsglue.GetDatabasesInput
		want string
	}{
		{awsglue.GetDatabasesInput{MaxResults: aws.Int32(0)}, "InvalidInputException"},
		{awsglue.GetDatabasesInput{MaxResults: aws.Int32(101)}, "InvalidInputException"},
		{awsglue.GetDatabasesInput{NextToken: aws.String("?")}, "InvalidInputException"},
		{awsglue.GetDatabasesInput{CatalogId: aws.String("999999999999")}, "EntityNotFoundException"},
		{awsglue.GetDatabasesInput{ResourceShareType: types.ResourceShareTypeAll}, "SerializationException"},
	} {
		_, err := client.GetDatabases(t.Context(), &c.in)
		want(t, err, c.want)
	}
	_, err := client.GetTables(t.Context(), &awsglue.GetTablesInput{DatabaseName: aws.String("here"), MaxResults: aws.Int32(101)})
	want(t, err, "InvalidInputException")
	in := create("new")
	in.DatabaseInput.Description = aws.String(strings.Repeat("a", 2049))
	_, err = client.CreateDatabase(t.Context(), in)
	want(t, err, "InvalidInputException")
	in = create("new")
	in.Tags = map[string]string{"a": "1"}
	_, err = client.CreateDatabase(t.Context(), in)
	want(t, err, "SerializationException")
	if !strings.Contains(err.Error(), "Tags") {
		t.Errorf("%v does not name the member", err)
	}
	_, err = client.GetTable(t.Context(), &awsglue.GetTableInput{DatabaseName: aws.String("here"), Name: aws.String("t")})
	want(t, err, "NotImplemented")
}

func TestGetDatabases(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	none, err := client.GetDatabases(t.Context(), &awsglue.GetDatabasesInput{})
	want(t, err, "")
	if none.DatabaseList == nil || len(none.DatabaseList) != 0 {
		t.Errorf("got %+v", none)
	}
	var expected []string
	for i := range 5 {
		expected = append(expected, fmt.Sprintf("db_%d", i))
		k.service.Add(region, fmt.Sprintf("DB_%d", i))
		k.service.Add("us-east-1", "elsewhere")
	}
	if diff := cmp.Diff(expected, k.service.Databases(region)); diff != "" {
		t.Error(diff)
	}
	for size := range int32(6) {
		var got []string
		pages := awsglue.NewGetDatabasesPaginator(client, &awsglue.GetDatabasesInput{MaxResults: aws.Int32(size + 1)})
		for pages.HasMorePages() {
			out, err := pages.NextPage(t.Context())
			want(t, err, "")
			for _, d := range out.DatabaseList {
				got = append(got, *d.Name)
			}
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("pages of %d: %s", size+1, diff)
		}
	}
}

func TestFreshDatabaseIsInvisible(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	k.hub.StaleReads(2)
	_, err := client.CreateDatabase(t.Context(), create("n"))
	want(t, err, "")
	_, err = client.CreateDatabase(t.Context(), create("n"))
	want(t, err, "AlreadyExistsException")
	_, err = client.GetDatabase(t.Context(), &awsglue.GetDatabaseInput{Name: aws.String("n")})
	want(t, err, "EntityNotFoundException")
	list, err := client.GetDatabases(t.Context(), &awsglue.GetDatabasesInput{})
	want(t, err, "")
	if len(list.DatabaseList) != 0 {
		t.Errorf("got %+v", list)
	}
	_, err = client.GetTables(t.Context(), &awsglue.GetTablesInput{DatabaseName: aws.String("n")})
	want(t, err, "")
}

func TestConcurrentCreation(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, errs[i] = client.CreateDatabase(t.Context(), create("n")) })
	}
	wg.Wait()
	created := 0
	for _, err := range errs {
		if err == nil {
			created++
			continue
		}
		want(t, err, "AlreadyExistsException")
	}
	if created != 1 || len(k.service.Databases(region)) != 1 {
		t.Errorf("created %d times", created)
	}
}
