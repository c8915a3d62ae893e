# What mice makes of inputs.csv: means over many imputations, for tests/unit/test_chained_equations.py.
# Run in this folder, after make_inputs.py (a few minutes): Rscript mice.R   (R 4.2.2, mice 3.15.0)
suppressMessages(library(mice))
data <- read.csv("inputs.csv", na.strings = "")
data$yes <- factor(data$yes)
data$kind <- factor(data$kind)
methods <- c(x = "", amount = "pmm", item = "pmm", second = "pmm", yes = "logreg", kind = "polyreg", stage = "pmm")
m <- 200
imputed <- mice(data, m = m, maxit = 10, method = methods, seed = 2021, printFlag = FALSE)

estimate <- function(d) {
  d$yes <- as.numeric(as.character(d$yes))
  fit <- lm(amount ~ x + item + yes + stage, d)
  c(mean_amount = mean(d$amount), sd_amount = sd(d$amount), mean_item = mean(d$item), mean_yes = mean(d$yes), share_b = mean(d$kind == "b"),
    share_c = mean(d$kind == "c"), mean_stage = mean(d$stage), correlation = cor(d$item, d$second), setNames(coef(fit)[-1], paste0("slope_", c("x", "item", "yes", "stage"))))
}
estimates <- sapply(seq_len(m), function(i) estimate(complete(imputed, i)))
result <- data.frame(quantity = rownames(estimates), mean = sprintf("%.15g", rowMeans(estimates)),
                     sd = sprintf("%.15g", apply(estimates, 1, sd)), sets = m)
write.csv(result, "mice.csv", row.names = FALSE)
