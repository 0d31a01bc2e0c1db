package pb

import "google.golang.org/protobuf/reflect/protoreflect"

// Files is every .proto file with messages of the client protocol.
func Files() []protoreflect.FileDescriptor {
	return []protoreflect.FileDescriptor{
		File_account_proto,
		File_config_proto,
		File_field_proto,
		File_frame_proto,
		File_goods_proto,
		File_mail_proto,
		File_party_proto,
		File_public_proto,
		File_queue_proto,
		File_social_proto,
		File_world_proto,
		File_zone_proto,
	}
}
