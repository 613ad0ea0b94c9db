import { SnapbankError } from '../../lib/errors.ts';

/** A state machine's definition cannot be run as it is written. */
export class DefinitionInvalid extends SnapbankError {
  static readonly when =
    'A state machine definition is malformed or uses what the embedded engine does not run.';
  static readonly remedy = 'Change the definition at the places that the message names.';
  override readonly name = 'DefinitionInvalid' as const;
}

/** Another process runs this execution now. */
export class ExecutionRunning extends SnapbankError {
  static readonly when = 'An execution is started or resumed while another process runs it.';
  static readonly remedy = 'Wait until the process that the message names has ended, or end it.';
  override readonly name = 'ExecutionRunning' as const;
}

/** The name belongs to an execution with another input or another definition. */
export class ExecutionAlreadyExists extends SnapbankError {
  static readonly when =
    'An execution of this name exists and had another input or another definition.';
  static readonly remedy = 'Choose another name for the execution.';
  override readonly name = 'ExecutionAlreadyExists' as const;
}

/** There is no history of an execution of this name. */
export class ExecutionDoesNotExist extends SnapbankError {
  static readonly when = 'An execution is to be resumed that was never started.';
  static readonly remedy = 'Check the name of the execution and of the state machine.';
  override readonly name = 'ExecutionDoesNotExist' as const;
}

/** The recorded history of an execution cannot be read. */
export class HistoryCorrupt extends SnapbankError {
  static readonly when = 'A line inside the history of an execution is not an event.';
  static readonly remedy =
    'Start a new execution under another name; the functions find what the old one left.';
  override readonly name = 'HistoryCorrupt' as const;
}
