import { Command, Option } from 'commander';
import { InvalidInput } from '../lib/errors.ts';
import { parseBoolean } from '../lib/settings.ts';
import { runBackup } from './commands/backup.ts';
import { bankInfo, initBank } from './commands/bank.ts';
import {
  addBankAccess,
  makeKey,
  removeBankAccess,
  rotateBankKeys,
} from './commands/bank-access.ts';
import { adoptCopy } from './commands/bank-adopt.ts';
import { changeBankLock } from './commands/bank-lock.ts';
import { rebuildBank } from './commands/bank-rebuild.ts';
import { runCollectGarbage } from './commands/collect-garbage.ts';
import { listCheckpointsCommand } from './commands/checkpoints.ts';
import { deleteCheckpoint, undelete } from './commands/delete.ts';
import { listExecutions } from './commands/executions.ts';
import { runDoctor } from './commands/doctor.ts';
import { exportDisk } from './commands/export.ts';
import { mountCheckpoint } from './commands/mount.ts';
import { listProtectables } from './commands/protectables.ts';
import { runPrune } from './commands/prune.ts';
import { runRestore } from './commands/restore.ts';
import { retryFailed } from './commands/retry-failed.ts';
import { showCheckpoint } from './commands/show.ts';
import { runVerify } from './commands/verify.ts';
import { stop, watch } from './commands/watch.ts';
import { type CommandContext, commandContext, type Surroundings } from './context.ts';
import { VERSION } from './version.ts';
import { printable } from './terminal/printable.ts';

/** What a command leaves for the process: 1 when something failed that its summary names. */
export interface ExitState {
  exitCode: number;
}

const EXAMPLES = `
Examples:
  snapbank --bank s3://backups/prod bank init --key-file ~/snapbank.key
  snapbank backup --server web-1 --server web-2
  snapbank checkpoints --server web-1
  snapbank restore web-1@latest --plan
  snapbank export web-1@latest --output web-1.qcow2
  snapbank verify --all --sample 10%
  snapbank prune --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run
  snapbank backup --tag nightly --on snapbank          # in AWS, by the stack of this name

The cloud is found as by the openstack command (clouds.yaml, OS_CLOUD, OS_*), S3 as by the aws command (profiles, AWS_*).
Exit codes: 0 all well, 1 something failed (the summary says what), 2 wrong usage or configuration.`;

const GLOBAL_OPTIONS = '\nGlobal options (--bank, --key-file, --json, …): snapbank --help';

export function createProgram(surroundings: Surroundings, state: ExitState): Command {
  const program = new Command('snapbank')
    .description(
      'Back up OpenStack servers that boot from an image, with their data, and bring them back.',
    )
    .version(VERSION)
    .addOption(new Option('--bank <location>', 's3://BUCKET/PREFIX or a directory (SNAPBANK_BANK)'))
    .addOption(new Option('--s3-endpoint <url>', 'S3 server other than AWS (AWS_ENDPOINT_URL_S3)'))
    .addOption(new Option('--key-file <path>', 'key of a sealed bank (SNAPBANK_KEY_FILE)'))
    .addOption(new Option('--os-cloud <name>', 'cloud of clouds.yaml (OS_CLOUD)'))
    .addOption(new Option('--json', 'one JSON event a line on standard output, a summary last'))
    .addOption(new Option('--debug', 'log everything to standard error'))
    .addHelpText('after', EXAMPLES)
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      // What was typed may have been pasted.
      writeErr: (text) => surroundings.stderr.write(text.split('\n').map(printable).join('\n')),
    })
    .showHelpAfterError('(snapbank --help lists commands and options)')
    .exitOverride();

  /** Global options may stand before or after the command's name. */
  const command = (parent: Command, usage: string, description: string): Command => {
    const made = parent
      .command(usage)
      .description(description)
      .addHelpText('after', GLOBAL_OPTIONS)
      .exitOverride();
    for (const option of program.options) {
      if (option.long !== '--version')
        made.addOption(new Option(option.flags, option.description).hideHelp());
    }
    return made;
  };
  const run =
    <Args extends unknown[]>(
      action: (context: CommandContext, ...args: Args) => Promise<boolean | void>,
    ) =>
    async (...parsed: unknown[]): Promise<void> => {
      const self = parsed.pop() as Command;
      const context = commandContext(self.optsWithGlobals(), surroundings);
      const succeeded = await action(context, ...(parsed as Args));
      if (succeeded === false) state.exitCode = 1;
    };

  const allProjects = new Option(
    '--all-projects',
    'look in all projects of the region; wants an administrator',
  );
  command(program, 'protectables', 'list the servers that can be backed up')
    .addOption(allProjects)
    .action(run(listProtectables));

  const bank = program
    .command('bank')
    .description('make a bank, or look at one')
    .addHelpText('after', GLOBAL_OPTIONS)
    .exitOverride();
  command(bank, 'init', 'make a bank at --bank')
    .option('--recipient <public key>', 'a key that may restore; repeatable', collect)
    .option('--write-only-key-file <path>', 'also make a key that may back up but not read')
    .option('--passphrase', 'seal with SNAPBANK_PASSPHRASE')
    .option('--unsealed', 'encrypt nothing: whoever reads the store reads the disks')
    .addOption(
      new Option('--lock <mode>', 'lock every object by S3 Object Lock, with --days').choices([
        'governance',
        'compliance',
      ]),
    )
    .option('--days <n>', 'how long after a backup what it refers to stays locked', Number)
    .action(run(initBank));
  command(bank, 'add-access', 'let one more key or passphrase open the bank')
    .option('--recipient <public key>', 'whose key file lies elsewhere (snapbank bank make-key)')
    .option('--new-key-file <path>', 'a key file, made if it does not exist')
    .option('--new-passphrase-file <path>', 'whose first line is the passphrase')
    .option('--label <text>', 'what the slot is called')
    .option('--write-only', 'it may back up but not read')
    .action(run(addBankAccess));
  command(bank, 'remove-access <slot>', 'take an access slot away, by its id or its label')
    .option('--force', 'even that of the key in use')
    .action(run(removeBankAccess));
  command(bank, 'rotate-keys', 'seal with new keys from now on; rewrites nothing').action(
    run(rotateBankKeys),
  );
  command(bank, 'make-key <file>', 'make a key file and show its public key; needs no bank').action(
    run(makeKey),
  );
  command(bank, 'rebuild', 'bring back checkpoints whose records are lost, from the bank alone')
    .option('--dry-run', 'say what would come back, and change nothing')
    .option('--abandon-rest', 'count what cannot come back as removed, so that it is collected')
    .action(run(rebuildBank));
  command(bank, 'lock', 'change for how long a locked bank locks from now on')
    .option('--days <n>', 'how long after a backup what it refers to stays locked', Number)
    .option('--force', 'even if that is shorter than now')
    .action(run(changeBankLock));
  command(bank, 'adopt', 'make a copy of a bank one of its own, which may be written')
    .option('--moved', 'it was moved here, or is known by another name: nobody writes where it was')
    .action(run(adoptCopy));
  command(bank, 'info', 'show what the bank is and who may open it').action(run(bankInfo));

  executing(command(program, 'backup', 'back up servers'))
    .option('--server <id or name>', 'this server; repeatable', collect)
    .option('--tag <tag>', 'servers with this tag; repeated: with all of them', collect)
    .option('--all', 'all servers of the project')
    .addOption(allProjects)
    .option(
      '--enable-server-snapshot <boolean>',
      'false: the boot images as they are, without user data (ENABLE_SERVER_SNAPSHOT)',
      (value) => parseBoolean('--enable-server-snapshot', value),
    )
    .option('--include-volumes', 'attached volumes too, and servers that boot from volumes')
    .option('--stop', 'stop running servers while their snapshots are taken, then start them again')
    .option('--plan <name>', 'the plan whose checkpoints these are; prune and verify go by it')
    .addHelpText(
      'after',
      '\nAn interrupted backup is continued by the same command within the hour, with the snapshots that it has; --execution NEWNAME begins anew.',
    )
    .action(run(runBackup));

  command(program, 'checkpoints', 'list checkpoints')
    .option('--server <id or name>', 'of this server')
    .option('--plan <name>', 'made under this plan')
    .action(run(listCheckpointsCommand));
  command(program, 'show <checkpoint>', 'show a checkpoint').action(run(showCheckpoint));

  executing(
    command(program, 'restore <checkpoint>', 'bring a server back: CHECKPOINT or SERVER@latest'),
  )
    .option('--plan', 'show what would be made and what is missing, and stop')
    .option('--without-volumes', 'the root disk alone, as a disk that Nova keeps')
    .option('--image-only', 'the image of the root disk, no server')
    .option('--name <name>', 'of the new server')
    .option('--flavor <id or name>', 'instead of the original one')
    .option('--network <id or name>', 'instead of the original ones; repeatable', collect)
    .option(
      '--map <kind:old=new>',
      'flavor, network, security-group, key-pair or volume-type of another cloud; repeatable',
      collect,
    )
    .addOption(
      new Option('--format <format>', 'of the image (default: as it was backed up)').choices([
        'raw',
        'qcow2',
      ]),
    )
    .addOption(
      new Option(
        '--import <method>',
        'how the image gets into Glance (SNAPBANK_IMAGE_IMPORT, else stream)',
      ).choices(['web-download', 'stream']),
    )
    .option('--check', 'read the image back and compare it with the checkpoint')
    .action(run(runRestore));

  command(
    program,
    'mount <checkpoint>',
    'serve the disks of a checkpoint as read-only block devices (NBD)',
  )
    .option('--socket <path>', 'listen at this socket (default: one in a directory of its own)')
    .option(
      '--listen <address:port>',
      'listen at a port instead; whoever reaches it reads the disk',
    )
    .action(run(mountCheckpoint));
  command(program, 'export <checkpoint>', 'write a disk of a checkpoint to a file')
    .requiredOption('--output <file>', 'the file; it must not exist')
    .option('--disk <number>', 'which one, as show lists them (0, the root disk)', Number)
    .addOption(
      new Option(
        '--format <format>',
        'of the file (default: by the name of the file, else as it was backed up)',
      ).choices(['raw', 'qcow2']),
    )
    .action(run(exportDisk));

  executing(
    command(
      program,
      'verify [checkpoint-or-server]',
      'prove that checkpoints can be read: CHECKPOINT, SERVER@latest, or SERVER for all of its',
    ),
  )
    .option('--server <id or name>', 'all checkpoints of this server; repeatable', collect)
    .option('--plan <name>', 'all checkpoints that were made under this plan')
    .option('--all', 'all checkpoints of the bank')
    .addOption(
      new Option(
        '--level <level>',
        'how thoroughly; data (the default) reads everything back',
      ).choices(['records', 'packs', 'data']),
    )
    .option('--sample <percent>', 'only a part, such as 10%; successive runs take turns')
    .option('--boot', 'restore it under a throw-away name, see it boot, and remove it again')
    .option('--console <text>', 'with --boot: the console must show this text')
    .option('--boot-seconds <n>', 'with --boot: how long that may take (600)')
    .option('--flavor <id or name>', 'with --boot: instead of the original one')
    .option('--network <id or name>', 'with --boot: repeatable; default none', collect)
    .action(run(runVerify));

  executing(command(program, 'prune', 'take checkpoints out that no rule keeps'))
    .option('--keep-last <n>', 'keep the newest n of each server', countOf('--keep-last'))
    .option(
      '--keep-hourly <n>',
      'keep the newest of each of the last n hours that have one',
      countOf('--keep-hourly'),
    )
    .option('--keep-daily <n>', 'the same with days', countOf('--keep-daily'))
    .option('--keep-weekly <n>', 'with ISO weeks', countOf('--keep-weekly'))
    .option('--keep-monthly <n>', 'with months', countOf('--keep-monthly'))
    .option('--keep-yearly <n>', 'with years', countOf('--keep-yearly'))
    .option('--keep-within <span>', 'keep all of this span before the newest: 30d, 1y6m, 48h')
    .option('--server <id or name>', 'only this server; repeatable', collect)
    .option('--plan <name>', 'only what was made under this plan')
    .option('--time-zone <name>', 'where days begin, such as Europe/Vienna (UTC)')
    .option('--dry-run', 'show what would go and why, and change nothing')
    .action(run(runPrune));
  command(program, 'delete <checkpoint>', 'take one checkpoint out').action(run(deleteCheckpoint));
  command(
    program,
    'undelete <checkpoint>',
    'bring back what is not yet collected: CHECKPOINT, or SERVER@latest for the newest deleted one',
  ).action(run(undelete));

  executing(command(program, 'collect-garbage', 'delete what no checkpoint needs any more'))
    .option('--dry-run', 'say what would be deleted, and delete nothing')
    .option('--force', 'delete even more than half of the bank')
    .option('--no-compact', 'leave packs as they are, however little of them is needed')
    .option('--undelete-days <days>', 'how long a pruned checkpoint can be brought back (7)', days)
    .action(run(runCollectGarbage));

  command(program, 'executions', 'list what ran and runs: here, or in AWS')
    .addOption(ON)
    .option('--limit <n>', 'the newest n (20)', Number)
    .action(run(listExecutions));
  watching(
    command(
      program,
      'watch <execution>',
      'watch an execution in AWS: its ARN, or its name and --on',
    ),
  ).action(run(watch));
  command(program, 'stop <execution>', 'stop an execution in AWS: its ARN, or its name and --on')
    .addOption(ON)
    .action(run(stop));
  watching(
    command(
      program,
      'retry-failed [execution]',
      'back up again the servers that failed: in the newest such backup, or in the one given',
    ),
  ).action(run(retryFailed));
  command(program, 'doctor', 'check the set-up, and find what dead executions left behind')
    .option('--fix', 'remove what was left behind; never what a live execution needs')
    .action(run(runDoctor));

  return program;
}

const WHERE = 'Where it runs:';
const ON = new Option(
  '--on <stack or ARN>',
  'in AWS: the stack of this name, or the state machine of this ARN (default: here)',
).helpGroup(WHERE);
const WATCH_MINUTES = new Option(
  '--watch-minutes <n>',
  'with --on: stop watching after n minutes, not the execution',
)
  .argParser(minutes)
  .helpGroup(WHERE);
const EXECUTION = new Option(
  '--execution <name>',
  'name of the execution; an unfinished one is continued',
).helpGroup(WHERE);

/** Options of the commands that may watch an execution in AWS. */
function watching(command: Command): Command {
  return command.addOption(ON).addOption(WATCH_MINUTES);
}

/** Options of the commands that run a state machine. */
function executing(command: Command): Command {
  return watching(command).addOption(EXECUTION);
}

function minutes(value: string): number {
  const count = Number(value);
  if (count > 0) return count;
  throw new InvalidInput(`--watch-minutes is "${value}"; give a number of minutes.`);
}

const MOST_KEPT = 100_000;

function countOf(option: string): (value: string) => number {
  return (value) => {
    const count = Number(value);
    if (Number.isInteger(count) && count >= 1 && count <= MOST_KEPT) return count;
    throw new InvalidInput(
      `${option} is "${value}"; give a whole number from 1 to ${String(MOST_KEPT)}.`,
    );
  };
}

function days(value: string): number {
  const count = Number(value);
  if (value.trim() !== '' && count >= 0 && Number.isFinite(count)) return count;
  throw new InvalidInput(`--undelete-days is "${value}"; give a number of days, such as 7.`);
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
