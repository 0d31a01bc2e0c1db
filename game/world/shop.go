package world

import (
	"context"
	"fmt"
	"maps"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/tables"
)

// getOffers lists the offers, with what the player has bought of those that are limited.
func (p *Player) getOffers(ctx *actor.Context, _ *pb.GetOffers) (*pb.GetOffersReply, error) {
	offers := p.world.tables().Shop
	list := &pb.ListCounters{Player: int64(p.id)}
	for _, o := range offers {
		if o.Limit > 0 {
			list.Names = append(list.Names, counterOf(o))
		}
	}
	bought := &pb.ListCountersReply{}
	if len(list.Names) > 0 {
		var err error
		if bought, err = api.ListCounters.Call(ctx, p.world.rpc, list, p.db()); err != nil {
			return nil, err
		}
	}
	reply := &pb.GetOffersReply{NextDayMs: p.calendar().NextDay(p.world.now()).UnixMilli()}
	for _, o := range offers {
		offer := &pb.Offer{Id: o.ID, Price: multiplied(o.Price, 1), Gives: times(o.Gives, 1), Limit: o.Limit, Period: string(o.Period)}
		if c := bought.GetCounters()[counterOf(o)]; o.Limit > 0 && c.GetPeriod() >= p.period(o.Period) {
			offer.Bought = c.GetCount()
		}
		reply.Offers = append(reply.Offers, offer)
	}
	return reply, nil
}

// buyOffer buys, once for each request. Who asks again hears what came of the first time, whatever is offered by then.
func (p *Player) buyOffer(ctx *actor.Context, m *pb.BuyOffer) (*pb.BuyOfferReply, error) {
	if err := checkRequest(m.GetRequest(), m.GetCount()); err != nil {
		return nil, err
	}
	key, tag := "shop:"+m.GetRequest(), fmt.Sprintf("%d %.64s", m.GetCount(), m.GetOffer())
	offer, ok := p.world.tables().ShopEntry(m.GetOffer())
	var r *pb.ApplyReply
	var err error
	switch {
	case !ok:
		r, err = p.again(ctx, key, tag, fault.New(fault.NotFound, "there is no such offer"))
	case len(m.GetPrice()) > 0 && !maps.Equal(m.GetPrice(), offer.Price):
		r, err = p.again(ctx, key, tag, fault.New(fault.FailedPrecondition, "the price is another by now"))
	default:
		r, err = p.buy(ctx, offer, m.GetCount(), key, tag)
	}
	if err != nil {
		return nil, err
	}
	return &pb.BuyOfferReply{Repeated: r.GetRepeated(), Bought: r.GetCounts()[counterOf(offer)], Profile: p.copyProfile()}, nil
}

func (p *Player) buy(ctx context.Context, offer tables.ShopEntry, count int64, key, tag string) (*pb.ApplyReply, error) {
	op := gaining(times(offer.Gives, count))
	op.Key, op.Tag, op.Reason = key, tag, "shop"
	if op.Wallet == nil {
		op.Wallet = map[string]int64{}
	}
	for currency, amount := range offer.Price {
		op.Wallet[currency] -= amount * count
	}
	if offer.Limit > 0 {
		op.Counts = []*pb.Count{{Name: counterOf(offer), Period: p.period(offer.Period), Add: count, Most: offer.Limit}}
	}
	return p.apply(ctx, op)
}

// counterOf is where purchases of an offer are counted.
func counterOf(o tables.ShopEntry) string { return "buy:" + o.ID }
