package public

import (
	"context"
	"encoding/json"

	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// logs reads the game's log for the console, which cannot ask log itself.
func (r *reign) logs(ctx context.Context, _ command.Command, args command.LogsArgs) (any, error) {
	find := &pb.FindLog{Player: args.Player, Kind: args.Kind, FromMs: args.From, ToMs: args.To, Limit: args.Limit}
	if a := args.After; a != nil {
		find.After = &pb.LogRecord{Player: a.Player, Id: a.ID, AtMs: a.At}
	}
	found, err := api.FindLog.Call(ctx, r.node.RPC(), find, rpc.Any)
	if err != nil {
		return nil, err
	}
	page := command.LogPage{Records: []command.LogRecord{}}
	for _, l := range found.GetRecords() {
		page.Records = append(page.Records, command.LogRecord{
			Player: l.GetPlayer(), ID: l.GetId(), Kind: l.GetKind(), Area: uint16(l.GetArea()), At: l.GetAtMs(), Details: json.RawMessage(l.GetDetails()),
		})
	}
	if n := len(page.Records); found.GetMore() {
		last := page.Records[n-1]
		page.Next = &command.LogEnd{Player: last.Player, ID: last.ID, At: last.At}
	}
	return page, nil
}
