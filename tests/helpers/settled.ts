/**
 * Lets everything run that can run without the world outside, timers of zero
 * included: what has not happened then waits for something.
 */
export async function settled(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
