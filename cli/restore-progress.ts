import type { ProgressEvent } from '../lib/services.ts';
import { OneRowProgress } from './one-row-progress.ts';
import type { Output } from './output.ts';

const PHASES = {
  PlanRestore: 'planning',
  CreateImage: 'creating image',
  OpenAssembly: 'assembling',
  AssembleParts: 'assembling',
  ImportImage: 'importing',
  WaitForImport: 'importing',
  UploadImage: 'uploading',
  PlanCheck: 'checking',
  CheckImage: 'checking',
  RestoreVolume: 'creating volume',
  CreateServer: 'creating server',
  WaitForServer: 'starting server',
  CloseProof: 'cleaning up',
  CloseRestore: 'cleaning up',
  RollBackRestore: 'rolling back',
};

/** Shows a restore's progress as one row. */
export class RestoreProgress extends OneRowProgress {
  #phaseOfBytes: ProgressEvent['phase'] | undefined;

  constructor(output: Output, label: string) {
    super(output, { label, noun: { one: 'restore', many: 'restores' }, phases: PHASES });
  }

  /** Checking begins to count anew. */
  override advance(event: ProgressEvent): void {
    if (event.phase !== this.#phaseOfBytes) this.row = { ...this.row, doneBytes: 0 };
    this.#phaseOfBytes = event.phase;
    super.advance(event);
  }

  protected override enter(phase: string): void {
    // Each disk begins to count anew.
    if (phase === PHASES.CreateImage) this.#phaseOfBytes = undefined;
    super.enter(phase);
  }
}
