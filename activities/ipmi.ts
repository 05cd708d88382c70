import { OpsError, isOpsError } from '../src/model/errors.ts';
import { type Bmc, type IpmitoolResult, bmcName, bmcOf, ipmitool } from '../src/ipmi/ipmitool.ts';
import {
  type BootOverride,
  type PowerOutcome,
  type PowerStatus,
  defaultBootParameters,
  parseBootOverride,
  parsePowerStatus,
  powerOutcome,
} from '../src/ipmi/parse.ts';
import { type Call, converge, oneShot, read } from './define.ts';

interface OfHost {
  /** Name of the host in the inventory. */
  host: string;
}

const quoted = (output: string) => (output === '' ? 'ipmitool said nothing' : output.replaceAll('\n', '; '));

const unreadable = (bmc: Bmc, what: string, { output }: IpmitoolResult) =>
  new OpsError('transient', 'BMC_UNREACHABLE', `${bmcName(bmc)}: no ${what}: ${quoted(output)}`, { host: bmc.host });

async function powerStatus({ host }: OfHost, call: Call): Promise<PowerStatus> {
  const bmc = bmcOf(call.deps.config, host);
  const result = await ipmitool(bmc, ['chassis', 'power', 'status'], { signal: call.signal });
  const status = parsePowerStatus(result.output);
  if (!status) throw unreadable(bmc, 'power status', result);
  return status;
}

async function bootOverride({ host }: OfHost, call: Call): Promise<BootOverride> {
  const bmc = bmcOf(call.deps.config, host);
  const result = await ipmitool(bmc, ['chassis', 'bootparam', 'get', '5'], { signal: call.signal });
  const override = parseBootOverride(result.output);
  if (!override) throw unreadable(bmc, 'boot parameters', result);
  return override;
}

/** Sets the override of the next boot and reads it back: the exit status of the setting is no proof, many BMCs answer it oddly. */
async function setBootOverride({ host }: OfHost, call: Call, flag: string, selector: string): Promise<void> {
  const bmc = bmcOf(call.deps.config, host);
  const set = await ipmitool(bmc, ['chassis', 'bootparam', 'set', 'bootflag', flag, 'options=reset'], {
    signal: call.signal,
  });
  const now = await bootOverride({ host }, call);
  if (now.selector !== selector)
    throw new OpsError(
      'transient',
      'BOOT_OVERRIDE_NOT_SET',
      `${bmcName(bmc)}: the next boot is '${now.selector}' and not '${selector}': ${quoted(set.output)}`,
      { host },
    );
}

/** The hosts' BMCs, through ipmitool. */
export const ipmi = {
  /** Power state of a chassis. Throws BMC_UNREACHABLE. */
  'ipmi.powerStatus': read(powerStatus),

  /**
   * Passes when the BMC answers and takes the configured password; a look before anything is begun, so the third that fails is
   * the last. Throws BMC_UNREACHABLE.
   */
  'ipmi.checkConnection': read(async (input: OfHost, call) => {
    try {
      await powerStatus(input, call);
    } catch (error) {
      if (!isOpsError(error) || error.kind !== 'transient' || call.attempt < 3) throw error;
      throw new OpsError('failed', error.code, error.message, error.facts, error);
    }
  }),

  /** What the next boot starts from. Throws BMC_UNREACHABLE. */
  'ipmi.bootOverride': read(bootOverride),

  /** Passes when nothing overrides the next boot. Throws BOOT_PARAMETERS_UNEXPECTED, BMC_UNREACHABLE. */
  'ipmi.checkBootparams': read(async (input: OfHost, call) => {
    const { data, selector } = await bootOverride(input, call);
    if (!defaultBootParameters.includes(data))
      throw new OpsError(
        'failed',
        'BOOT_PARAMETERS_UNEXPECTED',
        `${bmcName(bmcOf(call.deps.config, input.host))}: boot parameters are ${data} (${selector}), ` +
          `expected one of ${defaultBootParameters.join(', ')}`,
        { host: input.host },
      );
  }),

  /** Makes the next boot start from the network, and only that one. Throws BOOT_OVERRIDE_NOT_SET, BMC_UNREACHABLE. */
  'ipmi.forcePxe': converge((input: OfHost, call) => setBootOverride(input, call, 'force_pxe', 'Force PXE')),

  /** Takes the override of the next boot away. Throws BOOT_OVERRIDE_NOT_SET, BMC_UNREACHABLE. */
  'ipmi.removeBootOverride': converge((input: OfHost, call) => setBootOverride(input, call, 'none', 'No override')),

  /**
   * One power command, sent once: `cycle` for a machine that is on, `on` for one that is off. It is not broken off by a
   * cancellation, for then nobody would know whether it was obeyed.
   * Throws POWER_REFUSED, POWER_NOT_SENT, POWER_OUTCOME_UNKNOWN.
   */
  'ipmi.powerCycle': oneShot(async ({ host, action }: OfHost & { action: 'cycle' | 'on' }, call): Promise<void> => {
    const bmc = bmcOf(call.deps.config, host);
    const { kind, code, why } = await power(bmc, action);
    if (kind) throw new OpsError(kind, code, `${bmcName(bmc)}: power ${action} ${why}`, { host });
  }),
};

async function power(bmc: Bmc, action: string) {
  for (let session = 1; ; session++) {
    const { output, outcome } = await sendOnce(bmc, action);
    // Repeats what ipmitool would do for a lost packet of the log-in; the command itself is never sent again.
    if (outcome === 'not sent' && session < 3) continue;
    const said = quoted(output);
    switch (outcome) {
      case 'done':
        return {};
      case 'refused':
        return { kind: 'failed', code: 'POWER_REFUSED', why: `was refused: ${said}` } as const;
      case 'not sent':
        return { kind: 'failed', code: 'POWER_NOT_SENT', why: `was not sent: ${said}` } as const;
      case 'unknown':
        return { kind: 'unknown', code: 'POWER_OUTCOME_UNKNOWN', why: `may have been obeyed: ${said}` } as const;
    }
  }
}

async function sendOnce(bmc: Bmc, action: string): Promise<{ output: string; outcome: PowerOutcome }> {
  try {
    const { code, output } = await ipmitool(bmc, ['chassis', 'power', action], { once: true });
    return { output, outcome: powerOutcome(code, output) };
  } catch (error) {
    if (!(error instanceof OpsError) || error.facts.started !== true) throw error;
    return { output: error.message, outcome: 'unknown' };
  }
}
