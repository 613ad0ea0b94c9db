import { SnapbankError } from '../errors.ts';

/** A request to the webhook proves by nothing that it comes from somebody who may start backups. */
export class SignatureRefused extends SnapbankError {
  static readonly when =
    'A request to the webhook has no signature, a wrong one, or one that is older or newer than five minutes.';
  static readonly remedy =
    'Sign the timestamp, a dot and the body with the secret of the webhook, as docs/aws.md shows; set the clock of the sender.';
  override readonly name = 'SignatureRefused' as const;
}

/** A request to the webhook that no backup could be asked for with. */
export class WebhookUnreadable extends SnapbankError {
  static readonly when =
    'A request to the webhook is no POST, or its body is too large or not JSON.';
  static readonly remedy =
    'Send a POST with a JSON object of at most 16 KiB, as docs/aws.md shows.';
  override readonly name = 'WebhookUnreadable' as const;
}
