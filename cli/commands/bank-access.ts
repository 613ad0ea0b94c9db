import type { Bank } from '../../lib/bank/bank.ts';
import { addAccess, removeAccess, rotateKeys } from '../../lib/bank/keys/access.ts';
import { credentialsFromEnvironment } from '../../lib/bank/keys/credentials.ts';
import { writeKeyFile } from '../../lib/bank/keys/key-file.ts';
import { newSecretKey, parsePublicKey } from '../../lib/bank/keys/key-text.ts';
import type { NewAccess } from '../../lib/bank/keys/new-access.ts';
import { requireReader } from '../../lib/bank/open-bank.ts';
import { InvalidInput } from '../../lib/errors.ts';
import type { CommandContext } from '../context.ts';
import { type KeyFile, withKeyFiles } from '../key-in.ts';
import type { Output } from '../output.ts';

export interface AddAccessOptions {
  recipient?: string;
  newKeyFile?: string;
  newPassphraseFile?: string;
  label?: string;
  writeOnly?: boolean;
}

/** `snapbank bank make-key`: a key file of one's own, whose public half is given to whoever gives access. Needs no bank. */
export async function makeKey({ output }: CommandContext, path: string): Promise<void> {
  const key = newSecretKey();
  await writeKeyFile(path, key);
  output.event({ type: 'summary', keyFile: path, publicKey: key.publicText });
  output.line(
    `Made the key file ${path}. Keep a copy of it elsewhere. Its public key, which is no secret:`,
  );
  output.line(key.publicText);
}

/** `snapbank bank add-access`: to one more key or passphrase, all that is stored included. */
export async function addBankAccess(
  context: CommandContext,
  options: AddAccessOptions,
): Promise<void> {
  const { output } = context;
  const bank = await (await context.services()).bank();
  requireReader(bank);
  const use = { places: bank.places, keepInDoubt: true, output };
  const changed = await withKeyFiles(
    use,
    async (keyIn) => await addAccess(bank, await newAccess(options, keyIn)),
  );
  show(context.output, changed, 'Access was added; it opens what is stored already, too.');
}

/** `snapbank bank remove-access`: of a slot, by its id or its label. */
export async function removeBankAccess(
  context: CommandContext,
  slot: string,
  { force = false }: { force?: boolean },
): Promise<void> {
  const bank = await (await context.services()).bank();
  const changed = await removeAccess(bank, slotId(bank, slot), { force });
  show(
    context.output,
    changed,
    'Access was removed: what is backed up from now on is sealed with new keys. What was stored before can still be opened by whoever kept the old ones and gets at the store.',
  );
}

/** `snapbank bank rotate-keys`: new keys for what is backed up from now on. */
export async function rotateBankKeys(context: CommandContext): Promise<void> {
  const bank = await (await context.services()).bank();
  const changed = await rotateKeys(bank);
  show(
    context.output,
    changed,
    'What is backed up from now on is sealed with new keys. Key files and passphrases stay as they are.',
  );
}

async function newAccess(
  options: AddAccessOptions,
  keyIn: (path: string) => Promise<KeyFile>,
): Promise<NewAccess> {
  const { recipient, newKeyFile, newPassphraseFile, writeOnly = false } = options;
  const role = writeOnly ? 'writer' : 'reader';
  const given = [recipient, newKeyFile, newPassphraseFile].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new InvalidInput(
      'Say who gets access, by one of --recipient PUBLIC-KEY, --new-key-file FILE (made if it does not exist), --new-passphrase-file FILE.',
    );
  }
  if (newPassphraseFile !== undefined) {
    const { passphrase = '' } = await credentialsFromEnvironment({
      SNAPBANK_PASSPHRASE_FILE: newPassphraseFile,
    });
    return { label: options.label ?? 'passphrase', role, passphrase };
  }
  const publicKey =
    recipient === undefined
      ? (await keyIn(newKeyFile ?? '')).key.publicKey
      : parsePublicKey(recipient);
  return { label: options.label ?? (writeOnly ? 'write-only key' : 'key'), role, publicKey };
}

/** A label serves where only one slot has it. */
function slotId({ info }: Bank, given: string): string {
  const found = info.slots.filter(({ id, label }) => id === given || label === given);
  const [slot] = found;
  if (slot !== undefined && found.length === 1) return slot.id;
  const known = info.slots.map(({ id, label }) => `${id} (${label})`).join(', ');
  throw new InvalidInput(
    `${found.length === 0 ? 'No access slot is' : 'Several access slots are'} called ${given}. Give the id of one of: ${known}.`,
  );
}

function show(output: Output, { info, places }: Bank, done: string): void {
  output.event({ type: 'summary', location: places.bank.location, ...info });
  output.line(done);
  output.table(
    [
      { title: 'SLOT', text: ({ id }) => id },
      { title: 'MAY', text: ({ role }) => (role === 'reader' ? 'back up, restore' : 'back up') },
      { title: 'BY', text: ({ kind }) => kind },
      { title: 'LABEL', text: ({ label }) => label, shrinkable: true },
      { title: 'SINCE', text: ({ createdAt }) => createdAt },
    ],
    info.slots,
  );
}
