package step_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
	emulated "lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/plan"
)

func (r *run) tables() document.RouteTables {
	r.t.Helper()
	var out document.RouteTables
	r.result("EnsureRouteTables", &out)
	return out
}

// newTable makes a route table of the author's.
func (r *run) newTable(vpc string) string {
	r.t.Helper()
	out := must(r.ec2().CreateRouteTable(r.t.Context(), &ec2.CreateRouteTableInput{VpcId: aws.String(vpc)}))
	return *out.RouteTable.RouteTableId
}

// associate binds a route table to a subnet and returns the association.
func (r *run) associate(table, subnet string) string {
	r.t.Helper()
	out := must(r.ec2().AssociateRouteTable(r.t.Context(), &ec2.AssociateRouteTableInput{
		RouteTableId: aws.String(table), SubnetId: aws.String(subnet),
	}))
	return *out.AssociationId
}

func (r *run) disassociate(association string) {
	r.t.Helper()
	must(r.ec2().DisassociateRouteTable(r.t.Context(), &ec2.DisassociateRouteTableInput{AssociationId: aws.String(association)}))
}

// table is what exists of a route table.
func (r *run) table(id string) emulated.RouteTable {
	r.t.Helper()
	for _, table := range r.world.EC2.RouteTables(tokyoRegion) {
		if table.ID == id {
			return table
		}
	}
	r.t.Fatalf("there is no route table %s", id)
	return emulated.RouteTable{}
}

// subnetsOf are the subnets that are associated with a route table.
func (r *run) subnetsOf(table string) []string {
	r.t.Helper()
	var out []string
	for _, a := range r.table(table).Associations {
		out = append(out, a.SubnetID)
	}
	return out
}

// mainTable is the main route table of the VPC.
func (r *run) mainTable() string {
	r.t.Helper()
	for _, table := range r.world.EC2.RouteTables(tokyoRegion) {
		for _, a := range table.Associations {
			if a.SubnetID == "" && table.VPCID == r.id("EnsureVpc") {
				return table.ID
			}
		}
	}
	r.t.Fatal("there is no main route table")
	return ""
}

// wayToTheInternet adds a route to a route table.
func (r *run) wayToTheInternet(table string) {
	r.t.Helper()
	api := r.ec2()
	gateway := must(api.CreateInternetGateway(r.t.Context(), &ec2.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	must(api.AttachInternetGateway(r.t.Context(), &ec2.AttachInternetGatewayInput{InternetGatewayId: gateway, VpcId: aws.String(r.id("EnsureVpc"))}))
	must(api.CreateRoute(r.t.Context(), &ec2.CreateRouteInput{
		RouteTableId: aws.String(table), DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: gateway,
	}))
}

const givenTable = "{name: mito-local}"

func TestEnsureRouteTables(t *testing.T) {
	t.Parallel()
	const next = "VerifyNetworkAcls"

	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureRouteTables")
		r.does("EnsureRouteTables", "Created", "ec2:CreateRouteTable", "ec2:AssociateRouteTable")
		made := r.tables()
		same(t, "tables of compute", []string{r.mainTable()}, made.Workspace)
		table := r.table(made.Endpoint.ID)
		same(t, "VPC", r.id("EnsureVpc"), table.VPCID)
		same(t, "tags", owned("endpoint-route-table", "mito-local"), table.Tags)
		same(t, "routes", []emulated.Route{{Destination: "10.0.0.0/22", Target: "local", Origin: "CreateRouteTable"}}, table.Routes)
		same(t, "subnets", []string{r.subnets().Endpoint.ID}, r.subnetsOf(table.ID))

		r.revise("EnsureRouteTables")
		r.does("EnsureRouteTables", "Found")
		same(t, "id", made.Endpoint.ID, r.tables().Endpoint.ID)
	})

	t.Run("disassociated behind its back", func(t *testing.T) {
		t.Parallel()
		r := at(t, next)
		table := r.tables().Endpoint.ID
		r.disassociate(r.table(table).Associations[0].ID)
		r.does("EnsureRouteTables", "Updated", "ec2:AssociateRouteTable")
		same(t, "subnets", []string{r.subnets().Endpoint.ID}, r.subnetsOf(table))
	})

	t.Run("associated with another behind its back", func(t *testing.T) {
		t.Parallel()
		r := at(t, next)
		table, subnet := r.tables().Endpoint.ID, r.subnets().Endpoint.ID
		r.disassociate(r.table(table).Associations[0].ID)
		other := r.newTable(r.id("EnsureVpc"))
		r.associate(other, subnet)
		r.refuses("EnsureRouteTables", plan.Conflict, subnet, table, other, "Set spec.network.endpointRouteTable.id to "+other)
	})

	t.Run("a way out behind its back", func(t *testing.T) {
		t.Parallel()
		r := at(t, next)
		r.wayToTheInternet(r.tables().Endpoint.ID)
		r.refuses("EnsureRouteTables", plan.Conflict, r.tables().Endpoint.ID, "0.0.0.0/0 to igw-", "Remove the route")
	})

	t.Run("given", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureRouteTables")
		table := r.newTable(r.id("EnsureVpc"))
		r.associate(table, r.subnets().Endpoint.ID)
		r.wayToTheInternet(table)
		r.revise("EnsureRouteTables", givenTable, "{id: "+table+"}")
		r.does("EnsureRouteTables", "Given", "ec2:CreateTags")
		r.does("EnsureRouteTables", "Given")
		same(t, "id", table, r.tables().Endpoint.ID)
	})

	t.Run("given, associated with a subnet of ours", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureRouteTables")
		table := r.newTable(r.id("EnsureVpc"))
		r.revise("EnsureRouteTables", givenTable, "{id: "+table+"}")
		r.does("EnsureRouteTables", "Updated", "ec2:CreateTags", "ec2:AssociateRouteTable")
		same(t, "subnets", []string{r.subnets().Endpoint.ID}, r.subnetsOf(table))
	})

	for name, other := range map[string]bool{"in another VPC": true, "missing": false} {
		t.Run("given but "+name, func(t *testing.T) {
			t.Parallel()
			r := at(t, "EnsureRouteTables")
			id := "rtb-0123456789abcdef0"
			if other {
				id = r.newTable(r.newVPC("10.9.0.0/22"))
			}
			r.revise("EnsureRouteTables", givenTable, "{id: "+id+"}")
			r.refuses("EnsureRouteTables", plan.Conflict, id, "spec.network.endpointRouteTable.id", r.id("EnsureVpc"))
		})
	}

	t.Run("given subnets keep their tables", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		vpc := r.id("EnsureVpc")
		compute, doors := r.newSubnet(vpc, "10.0.0.0/26", "ap-northeast-1d"), r.newSubnet(vpc, "10.0.0.64/26", "ap-northeast-1c")
		one, two := r.newTable(vpc), r.newTable(vpc)
		r.associate(one, compute)
		r.associate(two, doors)
		r.revise("EnsureRouteTables", secondSubnet, "{id: "+compute+"}", endpointSubnet, "{id: "+doors+"}")
		r.does("EnsureRouteTables", "Given")
		same(t, "tables of compute", []string{r.mainTable(), one}, r.tables().Workspace)
		same(t, "table of endpoints", two, r.tables().Endpoint.ID)
		same(t, "number of tables", 3, len(r.world.EC2.RouteTables(tokyoRegion)))
	})

	t.Run("a given endpoint subnet and a given table that do not belong together", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		vpc := r.id("EnsureVpc")
		doors := r.newSubnet(vpc, "10.0.0.64/26", "ap-northeast-1c")
		one, two := r.newTable(vpc), r.newTable(vpc)
		r.associate(one, doors)
		r.revise("EnsureRouteTables", endpointSubnet, "{id: "+doors+"}", givenTable, "{id: "+two+"}")
		r.refuses("EnsureRouteTables", plan.Conflict, one, two, doors, "spec.network.endpointRouteTable.id")
	})

	t.Run("a given endpoint subnet is not associated with a given table", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		vpc := r.id("EnsureVpc")
		doors, table := r.newSubnet(vpc, "10.0.0.64/26", "ap-northeast-1c"), r.newTable(vpc)
		r.revise("EnsureRouteTables", endpointSubnet, "{id: "+doors+"}", givenTable, "{id: "+table+"}")
		r.refuses("EnsureRouteTables", plan.Conflict, doors, table, r.mainTable())
	})

	t.Run("several", func(t *testing.T) {
		t.Parallel()
		r := at(t, next)
		other := must(r.ec2().CreateRouteTable(t.Context(), &ec2.CreateRouteTableInput{
			VpcId: aws.String(r.id("EnsureVpc")), TagSpecifications: ownedByMito(types.ResourceTypeRouteTable, "endpoint-route-table"),
		}))
		r.refuses("EnsureRouteTables", plan.Conflict, "there are 2", r.tables().Endpoint.ID, *other.RouteTable.RouteTableId)
	})
}
