package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
)

// deleteLeftovers terminates what Databricks has started in subnets or security
// groups of ours and not taken down, and deletes its network interfaces. Where
// both are given, other workspaces may run there too, and nothing is touched.
func deleteLeftovers(ctx context.Context, d *Deps, doc *document.Document) (*document.RemovalWait, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	subnets, err := ownedSubnets(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	groups, err := ownedGroups(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	var removed, there []string
	for _, place := range []struct {
		all             []owned
		instance, netif string
	}{{subnets, "subnet-id", "subnet-id"}, {groups, "instance.group-id", "group-id"}} {
		going, _ := apart(doc, place.all)
		gone, waiting, err := clearPlace(ctx, api, idsOf(going), place.instance, place.netif)
		if err != nil {
			return nil, err
		}
		removed, there = append(removed, gone...), append(there, waiting...)
	}
	slices.Sort(there)
	seen := list(slices.Compact(there))
	out := d.removing(doc.DeletedLeftovers, len(there) == 0, paceVanishing, removed, nil, seen)
	return out, late("DeleteLeftovers", out.Wait, "instances of Databricks to be gone", seen)
}

// clearPlace ends what Databricks has left in subnets or in groups, by the filters
// of instances and of network interfaces that find it there.
func clearPlace(ctx context.Context, api awsapi.EC2, ids []string, instance, netif string) (removed, there []string, err error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	removed, there, err = terminate(ctx, api, instance, ids)
	if err != nil {
		return nil, nil, err
	}
	gone, waiting, err := detach(ctx, api, netif, ids)
	return append(removed, gone...), append(there, waiting...), err
}

// terminate ends the instances of Databricks in a place, and says which are not
// gone yet.
func terminate(ctx context.Context, api awsapi.EC2, filter string, ids []string) (ended, there []string, err error) {
	reservations, err := pages(func(token *string) ([]types.Reservation, *string, error) {
		out, err := api.DescribeInstances(ctx, &ec2.DescribeInstancesInput{NextToken: token, Filters: []types.Filter{
			{Name: aws.String("tag:Vendor"), Values: []string{"Databricks"}},
			{Name: aws.String(filter), Values: ids},
		}})
		if err != nil {
			return nil, nil, err
		}
		return out.Reservations, out.NextToken, nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("looking for instances of Databricks: %w", err)
	}
	var running []string
	for _, r := range reservations {
		for _, i := range r.Instances {
			id, state := aws.ToString(i.InstanceId), types.InstanceStateNamePending
			if i.State != nil {
				state = i.State.Name
			}
			if state == types.InstanceStateNameTerminated {
				continue
			}
			there = append(there, fmt.Sprintf("instance %s is %s", id, state))
			if state != types.InstanceStateNameShuttingDown {
				running = append(running, id)
			}
		}
	}
	if len(running) == 0 {
		return nil, there, nil
	}
	_, err = api.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: running})
	if err != nil && !failure.IsNotFound(err) {
		return nil, nil, fmt.Errorf("terminating instances %s: %w", strings.Join(running, ", "), err)
	}
	for _, id := range running {
		ended = append(ended, "instance "+id)
	}
	return ended, there, nil
}

// detach deletes the network interfaces of Databricks in a place that belong to
// no instance any more, and says which still do.
func detach(ctx context.Context, api awsapi.EC2, filter string, ids []string) (deleted, there []string, err error) {
	all, err := pages(func(token *string) ([]types.NetworkInterface, *string, error) {
		out, err := api.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{
			NextToken: token, Filters: []types.Filter{{Name: aws.String(filter), Values: ids}},
		})
		if err != nil {
			return nil, nil, err
		}
		return out.NetworkInterfaces, out.NextToken, nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("looking for network interfaces of Databricks: %w", err)
	}
	for _, n := range all {
		id, ofDatabricks := aws.ToString(n.NetworkInterfaceId), awsapi.OfEC2(n.TagSet)["Vendor"] == "Databricks"
		// That is how Databricks describes what it attaches.
		if !ofDatabricks && !strings.HasPrefix(aws.ToString(n.Description), "databricks_") {
			continue
		}
		if n.Status != types.NetworkInterfaceStatusAvailable {
			there = append(there, fmt.Sprintf("network interface %s is %s", id, n.Status))
			continue
		}
		_, err := api.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: n.NetworkInterfaceId})
		if failure.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("deleting network interface %s: %w", id, err)
		}
		deleted = append(deleted, "network interface "+id)
	}
	return deleted, there, nil
}
