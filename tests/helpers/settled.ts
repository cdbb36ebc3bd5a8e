/**
 * Lets everything run that can run without the world outside, timers of zero
 * included: what has not happened then waits for something.
 */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
