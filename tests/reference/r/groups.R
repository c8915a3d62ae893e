# Reference values for tests/unit/test_panel.py and test_exhibits_representation.py.
# Run in this folder: Rscript groups.R   (R 4.2.2, no packages)
results <- NULL
keep <- function(test, quantity, value) {
  results <<- rbind(results, data.frame(test = test, quantity = quantity, value = sprintf("%.15g", value)))
}

# Respondents against the frame, and answered or not, on made-up counts of four categories.
frame <- c(973, 2187, 2111, 729)
invited <- c(285, 604, 592, 219)
answered <- c(81, 152, 175, 46)
against <- chisq.test(answered, p = frame / sum(frame))
response <- chisq.test(rbind(answered, invited - answered), correct = FALSE)
for (name in c("frame", "invited")) {
  test <- if (name == "frame") against else response
  keep(name, "statistic", test$statistic)
  keep(name, "df", test$parameter)
  keep(name, "p_value", test$p.value)
  keep(name, "min_expected", min(test$expected))
}
# Drawn without replacement: respondents against the rest of the frame.
keep("rest", "statistic", chisq.test(rbind(answered, frame - answered), correct = FALSE)$statistic)

# Hedges g of x and growth of the first and the other rows of inputs.csv, as metafor's escalc(measure = "SMD") has it.
data <- read.csv("inputs.csv")
compare <- function(name, x, y) {
  n <- length(x); m <- length(y); df <- n + m - 2
  pooled <- sqrt(((n - 1) * var(x) + (m - 1) * var(y)) / df)
  j <- exp(lgamma(df / 2) - log(sqrt(df / 2)) - lgamma((df - 1) / 2))
  g <- j * (mean(x) - mean(y)) / pooled
  half <- qnorm(0.975) * sqrt(1 / n + 1 / m + g^2 / (2 * (n + m)))
  keep(name, "hedges_g", g)
  keep(name, "g_low", g - half)
  keep(name, "g_high", g + half)
  keep(name, "p_value", t.test(x, y)$p.value)
}
compare("growth", data$growth[1:40], data$growth[-(1:40)])
compare("x, few", data$x[1:4], data$x[5:9])

write.csv(results, "groups.csv", row.names = FALSE)
