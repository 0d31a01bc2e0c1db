/** The game's own messages, and the files that declare them, for a session to know. */
import { file_account } from "./pb/account_pb.js";
import { file_config } from "./pb/config_pb.js";
import { file_field } from "./pb/field_pb.js";
import { file_frame } from "./pb/frame_pb.js";
import { file_goods } from "./pb/goods_pb.js";
import { file_mail } from "./pb/mail_pb.js";
import { file_party } from "./pb/party_pb.js";
import { file_queue } from "./pb/queue_pb.js";
import { file_public } from "./pb/public_pb.js";
import { file_social } from "./pb/social_pb.js";
import { file_world } from "./pb/world_pb.js";
import { file_zone } from "./pb/zone_pb.js";

export * from "./pb/account_pb.js";
export * from "./pb/config_pb.js";
export * from "./pb/field_pb.js";
export * from "./pb/frame_pb.js";
export * from "./pb/goods_pb.js";
export * from "./pb/mail_pb.js";
export * from "./pb/party_pb.js";
export * from "./pb/queue_pb.js";
export * from "./pb/public_pb.js";
export * from "./pb/social_pb.js";
export * from "./pb/world_pb.js";
export * from "./pb/zone_pb.js";

export const files = [
  file_account, file_config, file_field, file_frame, file_goods, file_mail, file_party, file_public, file_queue, file_social, file_world, file_zone,
];
