package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame in a file is the record's length and its CRC-32C, four bytes each, big-endian, and the record.
const frameHeader = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendFrame(to, record []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(record)))
	to = binary.BigEndian.AppendUint32(to, crc32.Checksum(record, castagnoli))
	return append(to, record...)
}

// nextFrame takes the first frame of data apart. It is not ok when there is no whole and right one. An empty record is none: the zeros that a file
// system may leave at a file's end look like it.
func nextFrame(data []byte) (record, rest []byte, ok bool) {
	if len(data) < frameHeader {
		return nil, data, false
	}
	size := binary.BigEndian.Uint32(data)
	if size == 0 || size > MaxRecord || int(size) > len(data)-frameHeader {
		return nil, data, false
	}
	record = data[frameHeader : frameHeader+int(size)]
	if crc32.Checksum(record, castagnoli) != binary.BigEndian.Uint32(data[4:]) {
		return nil, data, false
	}
	return record, data[frameHeader+int(size):], true
}

// whole is how many bytes of data are whole frames.
func whole(data []byte) int {
	rest, ok := data, true
	for ok {
		_, rest, ok = nextFrame(rest)
	}
	return len(data) - len(rest)
}

// batch takes whole frames from data, of at most limit bytes unless there is but one, and at most maxRecords.
func batch(data []byte, limit int) (records [][]byte, size int) {
	for len(records) < maxRecords {
		record, rest, ok := nextFrame(data[size:])
		if !ok {
			break
		}
		end := len(data) - len(rest)
		if len(records) > 0 && end > limit {
			break
		}
		records, size = append(records, record), end
	}
	return records, size
}
