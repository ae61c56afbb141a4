/** Shows a run as it goes: one line for each phase, the job's own output indented. */
import { styleText } from 'node:util';
import type { RunEvent } from 'berthkit';

const mark = (text: string): string => styleText('cyan', text);

/** Prints what a person wants to know of an event. */
export function showProgress(event: RunEvent): void {
  switch (event.type) {
    case 'pull_start':
      console.log(`${mark('pulling')}    ${event.reference}`);
      break;
    case 'pull_end':
      console.log(`${mark('image')}      ${event.pulled ? 'pulled' : 'is already here'}`);
      break;
    case 'stage_progress':
      console.log(`${mark('staged')}     ${event.workspacePath}`);
      break;
    case 'stage_end':
      console.log(
        `${mark('staged')}     ${String(event.files)} files, ${String(event.sizeBytes)} bytes in all`,
      );
      break;
    case 'container_started':
      console.log(`${mark('running')}    ${event.containerName}`);
      break;
    case 'output':
      for (const line of event.text.trimEnd().split('\n'))
        console.log(`           ${styleText('gray', `| ${line}`)}`);
      break;
    case 'container_exited':
      console.log(`${mark('exited')}     with code ${String(event.exitCode)}`);
      break;
    case 'output_collected':
      console.log(`${mark('collected')}  ${event.output.workspacePath}: ${event.output.state}`);
      break;
    default:
  }
}
