import type { Bank } from '../../lib/bank/bank.ts';
import { createBank } from '../../lib/bank/create-bank.ts';
import { credentialsFromEnvironment } from '../../lib/bank/keys/credentials.ts';
import { parsePublicKey, type SecretKey } from '../../lib/bank/keys/key-text.ts';
import type { NewAccess } from '../../lib/bank/keys/new-access.ts';
import type { BankLock } from '../../lib/bank/lock.ts';
import { InvalidInput } from '../../lib/errors.ts';
import type { CommandContext } from '../context.ts';
import { type KeyFile, withKeyFiles } from '../key-in.ts';

export interface InitOptions {
  recipient?: string[];
  writeOnlyKeyFile?: string;
  passphrase?: boolean;
  unsealed?: boolean;
  lock?: BankLock['mode'];
  days?: number;
}

/** `snapbank bank init`: proves that the register keeps put-if-absent, then makes the bank. */
export async function initBank(context: CommandContext, options: InitOptions): Promise<void> {
  const { output } = context;
  refuseContradictions(context, options);
  const { places } = await context.services();
  const lock = lockOf(options);
  const keyFiles: KeyFile[] = [];
  // A bank of which nobody can say whether it was made is empty: its key is no loss.
  const use = { places, keepInDoubt: false, output };
  const bank = await withKeyFiles(use, async (keyIn) => {
    const access =
      options.unsealed === true
        ? 'unsealed'
        : await accessFor(context, options, async (path) => {
            const file = await keyIn(path);
            keyFiles.push(file);
            return file.key;
          });
    return await createBank(places, { access, ...(lock === undefined ? {} : { lock }) });
  });
  output.event({ type: 'summary', location: places.bank.location, ...bank.info });
  output.line(`Made bank ${bank.info.bankId} at ${places.bank.location}.`);
  if (options.unsealed === true) {
    output.warn(
      'The bank is UNSEALED: nothing in it is encrypted, and whoever reads the store reads the disks.',
    );
  }
  for (const { path, made } of keyFiles) {
    const whence = made ? 'which was made now' : 'which was there already';
    output.line(
      path === options.writeOnlyKeyFile
        ? `Its write-only key is ${path}, ${whence}: it backs up, and reads nothing.`
        : `Its key is ${path}, ${whence}. Keep a copy of it elsewhere: without it nothing can be restored.`,
    );
  }
  if (lock !== undefined) output.line(lockText(lock));
  output.line('Next: snapbank protectables, then snapbank backup --server NAME');
}

function lockOf({ lock: mode, days }: InitOptions): BankLock | undefined {
  if (mode === undefined && days === undefined) return undefined;
  if (mode === undefined || days === undefined) {
    throw new InvalidInput(
      'A lock needs both: --lock governance or compliance, and --days for how long after the last backup that refers to it nothing can be deleted.',
    );
  }
  return { mode, days };
}

function lockText({ mode, days }: BankLock): string {
  const but =
    mode === 'compliance' ? '' : ', except with the permission s3:BypassGovernanceRetention';
  return `Locked (${mode}): for ${String(days)} days after a backup nobody can delete what it refers to${but}.`;
}

/** Whoever names a key expects sealing: neither wish may silently win. */
function refuseContradictions({ env }: CommandContext, options: InitOptions): void {
  if (options.unsealed !== true) return;
  const sealing = [
    ...(nonEmpty(env['SNAPBANK_KEY_FILE']) ? ['--key-file (SNAPBANK_KEY_FILE)'] : []),
    ...(options.recipient === undefined ? [] : ['--recipient']),
    ...(options.passphrase === true ? ['--passphrase'] : []),
    ...(options.writeOnlyKeyFile === undefined ? [] : ['--write-only-key-file']),
  ];
  if (sealing.length === 0) return;
  throw new InvalidInput(
    `--unsealed encrypts nothing, and ${sealing.join(', ')} seals: leave out one or the other.`,
  );
}

function nonEmpty(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

async function accessFor(
  { env }: CommandContext,
  options: InitOptions,
  keyIn: (path: string) => Promise<SecretKey>,
): Promise<NewAccess[]> {
  const access: NewAccess[] = [];
  const keyFile = env['SNAPBANK_KEY_FILE'];
  if (keyFile !== undefined && nonEmpty(keyFile)) {
    const { publicKey } = await keyIn(keyFile);
    access.push({ label: 'key file', role: 'reader', publicKey });
  }
  for (const text of options.recipient ?? []) {
    access.push({ label: 'recipient', role: 'reader', publicKey: parsePublicKey(text) });
  }
  if (options.passphrase === true) {
    const { passphrase } = await credentialsFromEnvironment({
      ...env,
      SNAPBANK_KEY_FILE: undefined,
    });
    if (passphrase === undefined) {
      throw new InvalidInput('--passphrase: set SNAPBANK_PASSPHRASE or SNAPBANK_PASSPHRASE_FILE.');
    }
    access.push({ label: 'passphrase', role: 'reader', passphrase });
  }
  if (access.length === 0) {
    throw new InvalidInput(
      'Say how the bank is to be sealed: --key-file FILE (made if it does not exist), --recipient PUBLIC-KEY, --passphrase, or --unsealed.',
    );
  }
  if (options.writeOnlyKeyFile !== undefined) {
    const { publicKey } = await keyIn(options.writeOnlyKeyFile);
    access.push({ label: 'write-only key file', role: 'writer', publicKey });
  }
  return access;
}

/** `snapbank bank info`. */
export async function bankInfo(context: CommandContext): Promise<void> {
  const { output } = context;
  const services = await context.services();
  const { info, places }: Bank = await services.bank();
  output.event({
    type: 'summary',
    location: places.bank.location,
    register: places.register.location,
    work: places.work.location,
    ...info,
  });
  output.line(
    `Bank        ${info.bankId} (format version ${String(info.version)}), made ${info.createdAt}`,
  );
  output.line(`Location    ${places.bank.location}`);
  output.line(`Register    ${places.register.location}`);
  if (info.isCopy && info.home !== undefined) {
    output.line(
      `Copy        of the bank at ${info.home.bank} with the register at ${info.home.register}; it can be read, not written (snapbank bank adopt)`,
    );
  }
  output.line(`Work        ${places.work.location}`);
  if (info.sealed) {
    output.line(
      `Sealed      yes; the key given may ${info.access === 'reader' ? 'back up and restore' : 'back up, not restore'}`,
    );
    for (const slot of info.slots) {
      const own = info.openedBy.includes(slot.id) ? '  (in use)' : '';
      output.line(`Access      ${slot.id}  ${slot.role}  ${slot.kind}  ${slot.label}${own}`);
    }
  } else {
    output.line('Sealed      NO: nothing is encrypted, whoever reads the store reads the disks');
  }
  if (info.lock !== undefined) output.line(`Locked      ${info.lock.mode}, ${info.lock.days} days`);
}
