/**
 * Numbers of the NBD protocol, fixed newstyle, with structured replies and `base:allocation`:
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 */
export const GREETING = Buffer.from('NBDMAGICIHAVEOPT', 'latin1');
export const OPTION_MAGIC = Buffer.from('IHAVEOPT', 'latin1');
export const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

export const Handshake = { FIXED_NEWSTYLE: 1, NO_ZEROES: 2 } as const;

export const Option = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
} as const;

const REFUSAL = 2 ** 31;
export const OptionReply = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  UNSUPPORTED: REFUSAL + 1,
  POLICY: REFUSAL + 2,
  INVALID: REFUSAL + 3,
  UNKNOWN: REFUSAL + 6,
  TOO_BIG: REFUSAL + 9,
} as const;

export const Info = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

export const Transmission = {
  HAS_FLAGS: 1 << 0,
  READ_ONLY: 1 << 1,
  SEND_DF: 1 << 7,
  CAN_MULTI_CONN: 1 << 8,
} as const;

export const Command = {
  READ: 0,
  WRITE: 1,
  DISCONNECT: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const;

export const CommandFlag = { DONT_FRAGMENT: 1 << 2, REQUEST_ONE: 1 << 3 } as const;

export const ReplyFlag = { DONE: 1 } as const;
export const ReplyType = {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
  ERROR: 2 ** 15 + 1,
  ERROR_OFFSET: 2 ** 15 + 2,
} as const;

export const ErrorNumber = { EPERM: 1, EIO: 5, EINVAL: 22, EOVERFLOW: 75, ENOTSUP: 95 } as const;

export const ALLOCATION_CONTEXT = 'base:allocation';
/** Of `base:allocation`: nothing is stored there, and it reads as zeros. */
export const HOLE_AND_ZERO = 3;

/** What clients send at most that have not asked how much they may. */
export const MAX_REQUEST_BYTES = 32 * 2 ** 20;
