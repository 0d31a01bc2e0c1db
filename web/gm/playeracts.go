package gm

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/account"
	"loumiao/game/store/operator"
)

func (s *Service) playerActs() []act {
	player := field{name: "player", label: "Player", kind: number, must: true}
	acc := field{name: "account", label: "Account", kind: number, must: true}
	ofPlayer, ofAccount := link{"/players?by=player&q=", "The player"}, link{"/players?by=account&q=", "The account"}
	return []act{
		{
			name: "kick", title: "Kick", role: operator.Support, reason: true, danger: true, target: "player", fields: []field{player}, back: ofPlayer,
			state: s.playerState, look: s.playerLook,
			do: commanded(s, command.Kick, func(v *values) any { return command.KickArgs{Player: v.number("player")} }),
		},
		{
			name: "mute", title: "Mute", role: operator.Support, reason: true, target: "player", back: ofPlayer, state: s.playerState,
			fields: []field{player, {name: "minutes", label: "Minutes; 0 lets him speak again", kind: number, must: true}},
			do: commanded(s, command.Mute, func(v *values) any {
				return command.MuteArgs{Player: v.number("player"), Seconds: v.bounded("minutes", maxMinutes) * 60}
			}),
		},
		{
			name: "grant", title: "Give or take", role: operator.Admin, reason: true, danger: true, target: "player", back: ofPlayer,
			state: s.playerState, look: s.playerLook,
			fields: append([]field{player}, s.goodsFields("gold -100")...),
			do: commanded(s, command.Grant, func(v *values) any {
				return command.GrantArgs{Player: v.number("player"), Wallet: v.amounts("wallet"), Items: v.amounts("items")}
			}),
		},
		{
			name: "erase", title: "Erase all that is known of this person, for good", role: operator.Admin, reason: true, danger: true, target: "player", back: ofPlayer,
			state: s.personState, look: s.personLook,
			about: "The account, its names and logins, and all of its players are emptied, here and wherever they are known. Nobody can bring them back. Amounts, orders and " +
				"the audit keep numbers only.",
			fields: []field{player, {name: "again", label: "The player's number once more, typed", kind: again, must: true}},
			do:     commanded(s, command.Erase, func(v *values) any { return command.EraseArgs{Player: v.number("player")} }),
		},
		{
			name: "mail", title: "Send mail", role: operator.Support, reason: true, target: "player", back: ofPlayer,
			fields: append([]field{player}, givenBy(operator.Admin, personal(s.letterFields()))...),
			do:     commanded(s, command.SendMail, func(v *values) any { return command.MailArgs{Player: v.number("player"), Letter: s.letterOf(v)} }),
		},
		{
			name: "ban", title: "Ban", role: operator.Support, reason: true, danger: true, target: "account", back: ofAccount,
			state: s.sanctionState, look: s.sanctionLook,
			about:  "Nobody can play with the account any more, and who does so now is sent away. The player is told the reason, in at most 255 bytes.",
			fields: []field{acc, {name: "days", label: "Days; 0 is for ever", kind: number, must: true}},
			do: commanded(s, command.Ban, func(v *values) any {
				args := command.BanArgs{Account: v.number("account")}
				if days := v.bounded("days", maxDays); days > 0 {
					args.Ends = s.Now().Add(time.Duration(days) * 24 * time.Hour).UnixMilli()
				}
				return args
			}),
		},
		{
			name: "lift", title: "Lift a ban", role: operator.Support, reason: true, target: "account", back: ofAccount, state: s.sanctionState,
			fields: []field{acc, {name: "sanction", label: "Sanction", kind: number, must: true}},
			do:     s.lift,
		},
	}
}

// lift is refused of what the account does not have: the command does nothing then, and says that it is done.
func (s *Service) lift(ctx context.Context, d deed, v *values) (any, error) {
	args := command.LiftArgs{Account: v.number("account"), Sanction: v.number("sanction")}
	list, err := s.Accounts.Sanctions(ctx, account.ID(args.Account))
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(list, func(one account.Sanction) bool { return one.ID == args.Sanction }) {
		return nil, fault.New(fault.NotFound, "the account has no such sanction")
	}
	return commanded(s, command.Lift, func(*values) any { return args })(ctx, d, v)
}

// playerState is what an act on a player may change: not his history. The audit, where it stands for ever, knows him by his number, not by his name.
func (s *Service) playerState(c *fiber.Ctx, v *values) (any, error) {
	found, err := s.found(c, v)
	if err != nil {
		return nil, err
	}
	found.Name = ""
	if found.Mute != nil {
		found.Mute.Reason = ""
	}
	return found, nil
}

// playerLook is the same with his name: whoever has mistyped a number sees it.
func (s *Service) playerLook(c *fiber.Ctx, v *values) (any, error) { return s.found(c, v) }

func (s *Service) found(c *fiber.Ctx, v *values) (*command.Found, error) {
	found, err := ask[command.Found](c, s, command.LookUp, command.LookUpArgs{Player: v.number("player")})
	if err != nil {
		return nil, err
	}
	found.Ledger, found.Mails, found.Matches, found.Friends = nil, nil, nil, nil
	return found, nil
}

// sanctionState is without the reasons, which may say something about the person: an erasure empties those of the sanctions, and could not reach the audit's.
func (s *Service) sanctionState(c *fiber.Ctx, v *values) (any, error) {
	view, err := s.account(c.UserContext(), account.ID(v.number("account")))
	if err != nil {
		return nil, err
	}
	for i := range view.Sanctions {
		view.Sanctions[i].Reason = ""
	}
	return view.Sanctions, nil
}

// sanctionLook is whose account it is, with the sanctions as they are.
func (s *Service) sanctionLook(c *fiber.Ctx, v *values) (any, error) {
	return s.accountLook(c, account.ID(v.number("account")))
}

func (s *Service) accountLook(c *fiber.Ctx, acc account.ID) (any, error) {
	view, err := s.account(c.UserContext(), acc)
	if err != nil {
		return nil, err
	}
	view.Logins = nil
	return view, nil
}

// A person is an account as numbers, all that there is about it in the audit of an erasure.
type person struct {
	Account account.ID `json:"account,string"`
	Players []string   `json:"players"`
	Erased  bool       `json:"erased"`
}

// personLook has what the person is called, which the audit has not.
func (s *Service) personLook(c *fiber.Ctx, v *values) (any, error) {
	acc, err := s.Accounts.OfPlayer(c.UserContext(), v.number("player"))
	if err != nil {
		return nil, err
	}
	return s.accountLook(c, acc)
}

func (s *Service) personState(c *fiber.Ctx, v *values) (any, error) {
	ctx := c.UserContext()
	acc, err := s.Accounts.OfPlayer(ctx, v.number("player"))
	if err != nil {
		return nil, err
	}
	there, err := s.Accounts.Exists(ctx, acc)
	if err != nil {
		return nil, err
	}
	players, err := s.Accounts.Players(ctx, acc)
	if err != nil {
		return nil, err
	}
	view := person{Account: acc, Erased: !there, Players: make([]string, len(players))}
	for i, p := range players {
		view.Players[i] = strconv.FormatInt(p, 10)
	}
	return view, nil
}
