package cluster

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/hashicorp/serf/serf"

	"loumiao/framework/id"
)

// The tags of a node, readable in the output of serf's own tools. All are required but addr and version. Tags that this build does
// not know are ignored, so that a newer one may add some.
const (
	tagNode    = "node"    // decimal
	tagBoot    = "boot"    // hexadecimal
	tagType    = "type"    //
	tagArea    = "area"    // decimal
	tagAddr    = "addr"    // host:port, absent for observers
	tagState   = "state"   // name
	tagVersion = "version" //
)

// gossipName is new at each boot: serf takes half a minute to believe in a known name at a new address.
func gossipName(m Member) string {
	return fmt.Sprintf("%s-%s-%s", strings.ReplaceAll(m.Type, ",", "+"), m.Node, m.Boot)
}

func encodeTags(m Member) map[string]string {
	tags := map[string]string{
		tagNode:  m.Node.String(),
		tagBoot:  m.Boot.String(),
		tagType:  m.Type,
		tagArea:  strconv.Itoa(int(m.Area)),
		tagState: m.State.String(),
	}
	if m.Addr != "" {
		tags[tagAddr] = m.Addr
	}
	if m.Version != "" {
		tags[tagVersion] = m.Version
	}
	return tags
}

// decodeMember is the member behind a member of serf's. Whoever has the gossip key may have sent it, an agent of serf or a build that
// nobody remembers: unless every tag is what it should be, only the name and the address are kept.
func decodeMember(from serf.Member) Member {
	m := Member{Name: from.Name, Gossip: net.JoinHostPort(from.Addr.String(), strconv.Itoa(int(from.Port)))}

	node, err := strconv.ParseUint(from.Tags[tagNode], 10, 16)
	if err != nil || node == 0 {
		return m
	}
	boot, err := strconv.ParseUint(from.Tags[tagBoot], 16, 64)
	if err != nil || boot == 0 {
		return m
	}
	area, err := strconv.ParseUint(from.Tags[tagArea], 10, 16)
	if err != nil {
		return m
	}
	state, ok := parseState(from.Tags[tagState])
	if !ok {
		return m
	}
	typ, addr, version := from.Tags[tagType], from.Tags[tagAddr], from.Tags[tagVersion]
	if !validType(typ) || addr != "" && !validAddr(addr) || !validVersion(version) {
		return m
	}

	m.Node, m.Boot, m.Area, m.State = id.Node(node), id.Boot(boot), uint16(area), state
	m.Type, m.Addr, m.Version = typ, addr, version
	return m
}
