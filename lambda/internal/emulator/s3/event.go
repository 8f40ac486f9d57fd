package s3

import (
	"encoding/json"
	"time"
)

// ObjectEvent tells that an object was created or deleted.
type ObjectEvent struct {
	// Time at which it happened.
	Time time.Time
	// Region of the bucket.
	Region string
	Bucket string
	Key    string
	// VersionID is empty if the bucket was never versioned.
	VersionID string
	// Size in bytes; zero if deleted.
	Size int64
	// ETag without quotes; empty if the object was deleted for good.
	ETag string
	// Sequencer orders the events of one key: hexadecimal, of constant length.
	Sequencer string
	RequestID string
	// Requester is the account that asked.
	Requester string
	// SourceIP is the address that asked.
	SourceIP string
	// Reason is the API: PutObject, CopyObject, CompleteMultipartUpload or
	// DeleteObject.
	Reason string
	// DeletionType is "Permanently Deleted" or "Delete Marker Created"; empty if
	// the object was created.
	DeletionType string
}

// Entry renders the event as EventBridge carries it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
func (e ObjectEvent) Entry() (source, detailType string, resources []string, detail json.RawMessage, region string) {
	type object struct {
		Key       string `json:"key"`
		Size      *int64 `json:"size,omitempty"`
		ETag      string `json:"etag,omitempty"`
		VersionID string `json:"version-id,omitempty"`
		Sequencer string `json:"sequencer"`
	}
	type bucket struct {
		Name string `json:"name"`
	}
	body := struct {
		Version      string `json:"version"`
		Bucket       bucket `json:"bucket"`
		Object       object `json:"object"`
		RequestID    string `json:"request-id"`
		Requester    string `json:"requester"`
		SourceIP     string `json:"source-ip-address"`
		Reason       string `json:"reason"`
		DeletionType string `json:"deletion-type,omitempty"`
	}{
		Version: "0", Bucket: bucket{e.Bucket},
		Object:    object{Key: e.Key, ETag: e.ETag, VersionID: e.VersionID, Sequencer: e.Sequencer},
		RequestID: e.RequestID, Requester: e.Requester, SourceIP: e.SourceIP,
		Reason: e.Reason, DeletionType: e.DeletionType,
	}
	detailType = "Object Deleted"
	if e.DeletionType == "" {
		detailType, body.Object.Size = "Object Created", &e.Size
	}
	detail, err := json.Marshal(body)
	if err != nil {
		panic("encoding an object event: " + err.Error())
	}
	return "aws.s3", detailType, []string{"arn:aws:s3:::" + e.Bucket}, detail, e.Region
}
