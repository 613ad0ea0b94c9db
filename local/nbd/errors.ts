import { SnapbankError } from '../../lib/errors.ts';

/** What a client sent is not NBD; its connection is closed. */
export class NbdProtocolViolated extends SnapbankError {
  static readonly when = 'A client of `snapbank mount` sends something that is not NBD.';
  static readonly remedy = 'Connect with an NBD client: qemu-nbd, nbdfuse, nbdcopy, nbd-client.';
  override readonly name = 'NbdProtocolViolated' as const;
}
