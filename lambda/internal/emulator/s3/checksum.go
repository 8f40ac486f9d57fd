package s3

import (
	"crypto/md5"  //nolint:gosec // the ETag of S3 is an MD5 digest
	"crypto/sha1" //nolint:gosec // one of the checksums of S3
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"

	"lakegate/lambda/internal/emulator/wire"
)

const checksumPrefix = "X-Amz-Checksum-"

// defaultAlgorithm is what S3 computes when the client sends no checksum.
const defaultAlgorithm = "crc64nvme"

// algorithms of additional checksums, by the end of the header's name.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
var algorithms = map[string]func() hash.Hash{
	"crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) },
	"sha1":      sha1.New,
	"sha256":    sha256.New,
	"sha512":    sha512.New,
	"md5":       md5.New,
}

// checksum is one additional checksum of an object or a part.
type checksum struct {
	// algorithm is a key of algorithms.
	algorithm string
	// value is the digest in base64; one over the digests of the parts ends in
	// the number of parts.
	value string
	// composite says that the digest is one over the digests of the parts.
	composite bool
}

func digest(algorithm string, data []byte) []byte {
	h := algorithms[algorithm]()
	_, _ = h.Write(data)
	return h.Sum(nil)
}

func sum(algorithm string, data []byte) checksum {
	return checksum{algorithm: algorithm, value: base64.StdEncoding.EncodeToString(digest(algorithm, data))}
}

// element is the name of the checksum in XML documents.
func (c checksum) element() string { return "Checksum" + strings.ToUpper(c.algorithm) }

// tell writes the checksum into the header of a reply.
func (c checksum) tell(h http.Header) {
	h.Set(checksumPrefix+c.algorithm, c.value)
	h.Set("X-Amz-Checksum-Type", c.kind())
}

func (c checksum) kind() string {
	if c.composite {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}

// verify compares the payload with every checksum that came with it and
// returns the additional one, or the default one.
func verify(payload []byte, header http.Header) (checksum, error) {
	found := sum(defaultAlgorithm, payload)
	for name := range header {
		suffix, ok := strings.CutPrefix(name, checksumPrefix)
		if !ok || suffix == "Type" || suffix == "Mode" || suffix == "Algorithm" {
			continue
		}
		algorithm := strings.ToLower(suffix)
		if _, ok := algorithms[algorithm]; !ok {
			return checksum{}, notImplemented("the checksum " + suffix)
		}
		found = sum(algorithm, payload)
		if found.value != header.Get(name) {
			return checksum{}, &wire.Error{Code: "BadDigest",
				Message: "The " + strings.ToUpper(algorithm) + " you specified did not match the calculated checksum."}
		}
	}
	if want := header.Get("Content-Md5"); want != "" && want != sum("md5", payload).value {
		return checksum{}, &wire.Error{Code: "BadDigest", Message: "The Content-MD5 you specified did not match what we received."}
	}
	return found, nil
}
