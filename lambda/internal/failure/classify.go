package failure

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	awshttp "github.com/aws/smithy-go/transport/http"
	"github.com/databricks/databricks-sdk-go/apierr"

	"lakegate/lambda/plan"
)

// Classify finds the class of an error: the one it was given, or the one that
// the error code of AWS or Databricks stands for. Texts are never looked at.
func Classify(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{Class: e.Class, Remedy: e.Remedy, Err: err}
	}
	return &Error{Class: classOf(err), Err: err}
}

func classOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return classOfAWS(api, err)
	}
	if api, ok := errors.AsType[*apierr.APIError](err); ok {
		return classOfDatabricks(api)
	}
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &network), errors.Is(err, ErrNoReply):
		return plan.Transient
	}
	if _, ok := errors.AsType[*smithy.OperationError](err); ok {
		// No answer of the service: the connection broke.
		return plan.Transient
	}
	return plan.Internal
}

// ErrNoReply is a request to which no reply came: it may have been carried out.
var ErrNoReply = errors.New("no reply")

// codes are the error codes of AWS by what they mean.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var codes = map[string]string{
	"RequestLimitExceeded":                   plan.Throttled,
	"EC2ThrottledException":                  plan.Throttled,
	"Throttling":                             plan.Throttled,
	"ThrottlingException":                    plan.Throttled,
	"ThrottledException":                     plan.Throttled,
	"RequestThrottled":                       plan.Throttled,
	"RequestThrottledException":              plan.Throttled,
	"TooManyRequestsException":               plan.Throttled,
	"PriorRequestNotComplete":                plan.Throttled,
	"SlowDown":                               plan.Throttled,
	"BandwidthLimitExceeded":                 plan.Throttled,
	"ProvisionedThroughputExceededException": plan.Throttled,

	"AccessDenied":                plan.AccessDenied,
	"AccessDeniedException":       plan.AccessDenied,
	"AllAccessDisabled":           plan.AccessDenied,
	"AuthFailure":                 plan.AccessDenied,
	"ExpiredToken":                plan.AccessDenied,
	"ExpiredTokenException":       plan.AccessDenied,
	"InvalidClientTokenId":        plan.AccessDenied,
	"KMSAccessDeniedException":    plan.AccessDenied,
	"MissingAuthenticationToken":  plan.AccessDenied,
	"NotAuthorized":               plan.AccessDenied,
	"OptInRequired":               plan.AccessDenied,
	"RequestExpired":              plan.AccessDenied,
	"SignatureDoesNotMatch":       plan.AccessDenied,
	"UnauthorizedOperation":       plan.AccessDenied,
	"UnrecognizedClientException": plan.AccessDenied,

	"LimitExceeded":                           plan.QuotaExceeded,
	"LimitExceededException":                  plan.QuotaExceeded,
	"NetworkInterfaceLimitExceeded":           plan.QuotaExceeded,
	"ResourceLimitExceeded":                   plan.QuotaExceeded,
	"RouteTableLimitExceeded":                 plan.QuotaExceeded,
	"RulesPerSecurityGroupLimitExceeded":      plan.QuotaExceeded,
	"SecurityGroupLimitExceeded":              plan.QuotaExceeded,
	"SecurityGroupsPerInterfaceLimitExceeded": plan.QuotaExceeded,
	"ServiceQuotaExceededException":           plan.QuotaExceeded,
	"SubnetLimitExceeded":                     plan.QuotaExceeded,
	"TagLimitExceeded":                        plan.QuotaExceeded,
	"TooManyBuckets":                          plan.QuotaExceeded,
	"TooManyHostedZones":                      plan.QuotaExceeded,
	"VpcEndpointLimitExceeded":                plan.QuotaExceeded,
	"VpcLimitExceeded":                        plan.QuotaExceeded,

	"EncryptionKeyAccessDeniedException": plan.AccessDenied,

	// A private zone that was just created may not be listed yet.
	"ConflictingDomainExists": plan.NotReady,
	"HostedZoneAlreadyExists": plan.NotReady,
	"NoSuchEntity":            plan.NotReady,
	"NoSuchHostedZone":        plan.NotReady,
	"NoSuchBucket":            plan.NotReady,
	"NotFound":                plan.NotReady,
	"NotFoundException":       plan.NotReady,
	// A push is told of before every part of CodeCommit may know it.
	"CommitDoesNotExistException":     plan.NotReady,
	"CommitIdDoesNotExistException":   plan.NotReady,
	"RepositoryDoesNotExistException": plan.NotReady,
	"ResourceNotFoundException":       plan.NotReady,

	"ConcurrentModification":            plan.Transient,
	"EncryptionKeyUnavailableException": plan.Transient,
	"ConditionalRequestConflict":        plan.Transient,
	"IncorrectState":                    plan.Transient,
	"InternalError":                     plan.Transient,
	"InternalFailure":                   plan.Transient,
	"OperationAborted":                  plan.Transient,
	"PreconditionFailed":                plan.Transient,
	"RequestTimeout":                    plan.Transient,
	"RequestTimeoutException":           plan.Transient,
	"ServiceFailure":                    plan.Transient,
	"ServiceUnavailable":                plan.Transient,
	"ServiceUnavailableException":       plan.Transient,
	"Unavailable":                       plan.Transient,
	"IdempotentParameterMismatch":       plan.Conflict,
	"BucketAlreadyExists":               plan.Conflict,
	"BucketAlreadyOwnedByYou":           plan.Conflict,
	"EntityAlreadyExists":               plan.Conflict,
	"InvalidGroup.Duplicate":            plan.Conflict,
	"InvalidSubnet.Conflict":            plan.Conflict,
	"Resource.AlreadyAssociated":        plan.Conflict,
	"DependencyViolation":               plan.Conflict,
	"DuplicateSubnetsInSameZone":        plan.Conflict,
	"InvalidVPCId":                      plan.Conflict,
	"DeleteConflict":                    plan.Conflict,
	"BucketNotEmpty":                    plan.Conflict,
	"RouteAlreadyExists":                plan.Conflict,
	"InsufficientFreeAddresses":         plan.Conflict,
	"InvalidVpcEndpointId.Malformed":    plan.Conflict,
}

func classOfAWS(api smithy.APIError, err error) string {
	if class, ok := codes[api.ErrorCode()]; ok {
		return class
	}
	// EC2 says InvalidVpcID.NotFound, InvalidSubnetID.NotFound and so on.
	if strings.HasSuffix(api.ErrorCode(), ".NotFound") {
		return plan.NotReady
	}
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	switch {
	case api.ErrorFault() == smithy.FaultServer,
		ok && response.HTTPStatusCode() >= http.StatusInternalServerError && response.HTTPStatusCode() != http.StatusNotImplemented:
		return plan.Transient
	case ok && response.HTTPStatusCode() == http.StatusTooManyRequests:
		return plan.Throttled
	case ok && response.HTTPStatusCode() == http.StatusForbidden:
		return plan.AccessDenied
	}
	return plan.Internal
}

// classOfDatabricks uses the status first: not every error of the account API
// has a code, and some have no JSON at all.
func classOfDatabricks(api *apierr.APIError) string {
	switch {
	case api.StatusCode == http.StatusTooManyRequests,
		api.ErrorCode == "REQUEST_LIMIT_EXCEEDED", api.ErrorCode == "RESOURCE_EXHAUSTED":
		return plan.Throttled
	case api.StatusCode == http.StatusNotImplemented:
		return plan.Internal
	case api.StatusCode >= http.StatusInternalServerError:
		return plan.Transient
	case api.StatusCode == http.StatusUnauthorized, api.StatusCode == http.StatusForbidden:
		return plan.AccessDenied
	case absent(api):
		return plan.NotReady
	case api.StatusCode == http.StatusConflict:
		return plan.Conflict
	case api.ErrorCode == "QUOTA_EXCEEDED", api.ErrorCode == "RESOURCE_LIMIT_EXCEEDED":
		return plan.QuotaExceeded
	}
	return plan.Internal
}

// Code returns the error code of AWS or Databricks, or an empty string.
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if api, ok := errors.AsType[*apierr.APIError](err); ok {
		return api.ErrorCode
	}
	return ""
}

// IsNotFound says whether a service answered that the object does not exist.
func IsNotFound(err error) bool {
	if api, ok := errors.AsType[*apierr.APIError](err); ok {
		return absent(api)
	}
	switch code := Code(err); code {
	case "NoSuchEntity", "NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NotFound", "404", "NoSuchTagSet",
		"NoSuchBucketPolicy", "NoSuchHostedZone", "NoSuchPublicAccessBlockConfiguration", "NotFoundException", "ResourceNotFoundException",
		"ServerSideEncryptionConfigurationNotFoundError", "OwnershipControlsNotFoundError":
		return true
	default:
		return strings.HasSuffix(code, ".NotFound")
	}
}

// absent says whether Databricks answered that an object does not exist. The
// clusters API answers 400 in the place of 404; the SDK knows of it for GET.
// https://github.com/databricks/databricks-sdk-go/blob/main/apierr/error_overrides.go
func absent(api *apierr.APIError) bool {
	return api.StatusCode == http.StatusNotFound || api.ErrorCode == "INVALID_PARAMETER_VALUE" &&
		strings.HasPrefix(api.Message, "Cluster ") && strings.HasSuffix(api.Message, " does not exist")
}
