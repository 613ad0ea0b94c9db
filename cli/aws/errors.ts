import { SnapbankError } from '../../lib/errors.ts';

/** No state machine answers to what `--on` names. */
export class StateMachineNotFound extends SnapbankError {
  static readonly when = 'No state machine of AWS answers to what --on names.';
  static readonly remedy =
    'Give one of those that the message lists, or set AWS_REGION and AWS_PROFILE to where the stack is.';
  override readonly name = 'StateMachineNotFound' as const;
}

/** Several stacks begin with what `--on` names. */
export class StateMachineAmbiguous extends SnapbankError {
  static readonly when = 'Several state machines of AWS answer to what --on names.';
  static readonly remedy = 'Give the whole name of the stack, or the ARN of its machine.';
  override readonly name = 'StateMachineAmbiguous' as const;
}

/** AWS does not know who asks. */
export class AwsCredentialsRefused extends SnapbankError {
  static readonly when =
    'There are no AWS credentials on this computer, or AWS does not accept them (unknown, wrong, expired).';
  static readonly remedy =
    'Log in (aws sso login), set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; then run the same command again.';
  override readonly name = 'AwsCredentialsRefused' as const;
}

/** AWS knows who asks and does not allow it. */
export class AwsPermissionMissing extends SnapbankError {
  static readonly when = 'The AWS credentials are not allowed to do what the command needs.';
  static readonly remedy =
    'Allow the action that the message names; docs/aws.md lists what the command needs.';
  override readonly name = 'AwsPermissionMissing' as const;
}

/** A passing fault that outlasted the retries. */
export class StepFunctionsUnavailable extends SnapbankError {
  static readonly when =
    'Step Functions cannot be reached, limits the rate, or fails, until the retries were used up.';
  static readonly remedy =
    'Check the region, the network and the proxy; then run the same command again.';
  override readonly name = 'StepFunctionsUnavailable' as const;
}

/** Step Functions answered, and a repetition would answer the same. */
export class StepFunctionsRefused extends SnapbankError {
  static readonly when = 'Step Functions refuses a request as it is.';
  static readonly remedy = 'Read what Step Functions says in the message.';
  override readonly name = 'StepFunctionsRefused' as const;
}

/** The command does not see any more how an execution in AWS gets on, which goes on. */
export class WatchInterrupted extends SnapbankError {
  static readonly when =
    'An execution in AWS is not watched any more: Ctrl-C, --watch-minutes, or AWS does not answer. The execution itself goes on.';
  static readonly remedy = 'Run the same command again: it goes on watching the same execution.';
  override readonly name = 'WatchInterrupted' as const;
}

/** The stack and the command are of different versions. */
export class OutputNotUnderstood extends SnapbankError {
  static readonly when =
    'An execution ended with an output that the command does not know: the stack in AWS is of another version.';
  static readonly remedy =
    'The execution did what it did; look at it in the console. Deploy the stack from this version, or use the one that it was deployed from.';
  override readonly name = 'OutputNotUnderstood' as const;
}
