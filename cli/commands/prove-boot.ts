import * as z from 'zod';
import { InvalidInput } from '../../lib/errors.ts';
import type { CommandContext } from '../context.ts';
import { machineFailure } from '../machine-failure.ts';
import type { Output } from '../output.ts';
import { parseOutput } from '../parse-output.ts';
import { RestoreProgress } from '../restore-progress.ts';
import { type ExecutionOptions, runExecution } from '../run-execution.ts';
import { formatDuration } from '../terminal/format.ts';
import { printable } from '../terminal/printable.ts';

/** Options of `verify` that say how a server is to boot. */
export interface BootOptions extends ExecutionOptions {
  boot?: boolean;
  console?: string;
  bootSeconds?: string;
  flavor?: string;
  network?: string[];
}

/** Output of a restore execution that was asked for a proof. */
export const ProofSummary = z.object({
  checkpoint: z.string(),
  serverId: z.string(),
  bytes: z.number(),
  identical: z.boolean().nullable(),
  booted: z.literal(true),
  warnings: z.array(z.string()),
});
type ProofSummary = z.infer<typeof ProofSummary>;

/** `snapbank verify --boot`: restores a checkpoint to a server with a throw-away name, sees it boot, and removes it again. */
export async function proveBoot(
  context: CommandContext,
  reference: string | undefined,
  options: BootOptions,
): Promise<void> {
  const { console, bootSeconds, flavor, network } = options;
  if (reference === undefined) {
    throw new InvalidInput(
      '--boot proves one checkpoint: say which, by its id or as SERVER@latest.',
    );
  }
  const { name, outcome, elapsedMilliseconds } = await runExecution(context, {
    machine: 'restore',
    input: {
      checkpoint: reference,
      check: true,
      prove_boot: {
        ...(console === undefined ? {} : { console }),
        ...(bootSeconds === undefined ? {} : { wait_seconds: Number(bootSeconds) }),
      },
      ...(flavor === undefined ? {} : { flavor }),
      ...(network === undefined ? {} : { networks: network }),
    },
    display: new RestoreProgress(context.output, reference),
    options,
    usesCloud: true,
  });
  if (outcome.status !== 'SUCCEEDED') throw machineFailure(outcome);
  const summary = parseOutput(ProofSummary, outcome.output);
  showProof(context.output, summary, { name, console, elapsedMilliseconds });
}

export function showProof(
  output: Output,
  summary: ProofSummary,
  run: { name: string; console?: string | undefined; elapsedMilliseconds: number },
): void {
  const { name, console, elapsedMilliseconds } = run;
  output.event({ type: 'summary', execution: name, ...summary });
  const shown = console === undefined ? '' : `, its console showed "${console}"`;
  output.line(
    printable(
      `${summary.checkpoint} boots: the server became ACTIVE${shown}, and was removed again. Every chunk was read back and compared.`,
    ),
  );
  for (const warning of summary.warnings) output.line(printable(`Warning: ${warning}`));
  output.line(`That took ${formatDuration(elapsedMilliseconds)}.`);
}
